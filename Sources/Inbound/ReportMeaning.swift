internal import BounceRules
internal import MailModel
internal import MailQueue
internal import ReportReading
internal import ReturnPaths

/// What a report means for the message that its address names.
/// - Returns: at least one element: whatever came is written down.
func records(of report: IncomingReport, for path: ReturnPath, in message: ReportedMessage) -> [RecordedReport] {
  let places = RecipientPlaces(path, message)
  switch report.content {
  case .delivery(let deliveries):
    return deliveries.prefix(max(message.recipients.count, 1) * 2).map { record($0, places) }
  case .feedback(let feedback):
    let words = ["complaint (\(feedback.type))", feedback.userAgent.map { "by \($0)" }].compactMap(\.self)
      .joined(separator: " ")
    return places.find(feedback.addresses).map { place in
      RecordedReport(
        recipient: place, kind: feedback.isComplaint ? .complained(kind: feedback.type) : .other, words: words)
    }
  case .automaticReply:
    return [RecordedReport(recipient: places.only, kind: .other, words: "an automatic reply")]
  case .other(let what):
    return [RecordedReport(recipient: places.only, kind: .other, words: what)]
  }
}

private func record(_ delivery: ReportedDelivery, _ places: RecipientPlaces) -> RecordedReport {
  let place = places.find(delivery.addresses).first.flatMap(\.self)
  let words = explanation(delivery)
  guard delivery.action == .failed else {
    // Given over, delayed, delivered: nothing has been lost yet.
    return RecordedReport(recipient: place, kind: .other, words: "\(delivery.action.rawValue): \(words)")
  }
  let info = getBounceInfo(.text(Array(words.utf8)))
  // The reporting server has given up whatever it says; but only what it calls permanent is taken for that.
  let isForGood = info.isHardBounce && delivery.status?.kind != 4
  return RecordedReport(
    recipient: place, kind: .returned(category: info.category.rawValue, isForGood: isForGood), words: words)
}

/// The diagnostic text; the status code in front of it where the text has none.
private func explanation(_ delivery: ReportedDelivery) -> String {
  let text = String(decoding: delivery.diagnostic.prefix(4096), as: UTF8.self)
  guard let status = delivery.status else { return text }
  return text.contains(status.description) ? text : "\(status) \(text)".trimmingSpaces
}

extension String {
  fileprivate var trimmingSpaces: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

/// Finds recipients by what reports call them.
private struct RecipientPlaces {
  private let byAddress: [String: Int32]
  /// Where there is no question: the return path names it, or there is one only.
  let only: Int32?

  init(_ path: ReturnPath, _ message: ReportedMessage) {
    let count = Int32(clamping: message.recipients.count)
    if let named = path.recipient {
      only = named <= count ? named : nil
    } else {
      only = count == 1 ? 1 : nil
    }
    var places: [String: Int32] = [:]
    for (index, recipient) in message.recipients.enumerated() {
      let place = Int32(index + 1)
      places[Self.folded(recipient.address.description)] = place
      // What the client called it (RFC 3461 §4.2): reports about it may name that alone.
      if let original = recipient.originalRecipient, let semicolon = original.firstIndex(of: ";") {
        let name = Self.folded(Self.decodedXtext(String(original[original.index(after: semicolon)...])))
        if places[name] == nil { places[name] = place }
      }
    }
    byAddress = places
  }

  /// The recipients that are meant; an element that is nil stands for «one of several».
  func find(_ addresses: [String]) -> [Int32?] {
    if let only { return [only] }
    var found: [Int32] = []
    for address in addresses {
      let place = byAddress[Self.folded(address)] ?? byAddress[Self.folded(Self.decodedXtext(address))]
      if let place, !found.contains(place) { found.append(place) }
    }
    // Two names for one recipient are usual; names of two would be a guess.
    return found.isEmpty ? [nil] : found.map(Optional.some)
  }

  private static func folded(_ address: String) -> String { address.lowercased() }

  /// `+40` for `@` (RFC 3461 §4).
  private static func decodedXtext(_ text: String) -> String {
    guard text.contains("+") else { return text }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
