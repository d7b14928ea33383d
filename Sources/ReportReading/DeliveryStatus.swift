import MailModel

/// Reads the machine's part of a delivery status notification (RFC 3464, RFC 6533), also where the structure around it
/// is broken: then it is searched for in the text.
func readDeliveryStatus(_ reader: MIMEReader) -> IncomingReport? {
  let types = ["message/delivery-status", "message/global-delivery-status"]
  let part = reader.leaves.first { types.contains($0.type) }
  let isReport = reader.reportType == "delivery-status"
  guard let source = part ?? reader.leaves.first(where: { holdsStatus($0, isReport: isReport) }) else { return nil }
  var status = DeliveryStatus(Text.lines(source.decoded))
  guard !status.recipients.isEmpty else { return nil }
  // Some servers put the reason into the text for people only.
  if status.recipients.count == 1, status.recipients[0].diagnostic.isEmpty, status.recipients[0].action == .failed,
    let text = reader.leaves.first(where: { $0.type == "text/plain" }),
    let line = Text.lines(text.decoded).prefix(200).first(where: { ReplyText.holdsCode($0) })
  {
    status.recipients[0].diagnostic = Array(line.trimmed.utf8)
  }
  return IncomingReport(content: .delivery(status.recipients), reporter: status.reporter)
}

/// Whether a part of another type has the fields all the same: structures are broken on the way, and some servers
/// label the part `text/plain`.
private func holdsStatus(_ part: MIMEPart, isReport: Bool) -> Bool {
  guard part.type.hasPrefix("text/") || isReport, part.type != "message/rfc822" else { return false }
  let lines = Text.lines(part.decoded).prefix(isReport ? 1500 : 400).map { $0.lowercased() }
  let original = lines.firstIndex { $0.hasPrefix("received:") || $0.hasPrefix("return-path:") } ?? lines.endIndex
  return lines[..<original].contains { $0.hasPrefix("final-recipient:") }
    && lines[..<original].contains { $0.hasPrefix("action:") || $0.hasPrefix("status:") }
}

/// The fields, group by group.
private struct DeliveryStatus {
  var reporter: String?
  var recipients: [ReportedDelivery] = []
  private var group: [String: String] = [:]
  private static let recipientsMax = 1000

  init(_ lines: [String]) {
    var name: String?
    for line in lines {
      if line.isEmpty {
        close()
        name = nil
      } else if line.first == " " || line.first == "\t" {
        if let name { group[name]? += " " + line.trimmed }
      } else if let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy({ $0.isASCII && $0 != " " }) {
        let field = line[..<colon].lowercased()
        // Groups without a blank line between them.
        if ["original-recipient", "final-recipient", "action"].contains(field), group[field] != nil { close() }
        name = field
        group[field] = String(line[line.index(after: colon)...].trimmed.prefix(4096))
      } else {
        name = nil
      }
      if recipients.count >= Self.recipientsMax { return }
    }
    close()
  }

  private mutating func close() {
    defer { group = [:] }
    if let mta = group["reporting-mta"], reporter == nil { reporter = Self.untyped(mta) }
    let addresses = ["original-recipient", "final-recipient", "x-actual-recipient"].compactMap { group[$0] }
      .compactMap(AddressText.typed)
    let status = group["status"].flatMap(ReplyText.status)
    let action = group["action"].flatMap(Self.action) ?? Self.action(of: status)
    guard let action, !addresses.isEmpty || group["action"] != nil else { return }
    var seen: Set<String> = []
    recipients.append(
      ReportedDelivery(
        addresses: addresses.filter { seen.insert($0).inserted }, action: action, status: status,
        diagnostic: Array((group["diagnostic-code"].map(Self.untyped) ?? "").utf8)))
  }

  private static func action(_ text: String) -> ReportedAction? {
    // A word, perhaps with a comment behind it.
    ReportedAction(rawValue: String(text.lowercased().prefix { $0.isLetter }))
  }

  private static func action(of status: EnhancedStatus?) -> ReportedAction? {
    switch status?.kind {
    case 2: .delivered
    case 4: .delayed
    case 5: .failed
    default: nil
    }
  }

  /// `smtp; 550 …` without the type. A text without a type stays whole.
  private static func untyped(_ text: String) -> String {
    guard let semicolon = text.firstIndex(of: ";") else { return text }
    let type = text[..<semicolon].trimmed
    guard !type.isEmpty, type.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
      return text
    }
    return text[text.index(after: semicolon)...].trimmed
  }
}

/// Codes in a text.
enum ReplyText {
  /// The first enhanced status code at the text's beginning.
  static func status(_ text: String) -> EnhancedStatus? {
    EnhancedStatus(String(text.trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }))
  }

  /// Whether a reply code (`550 `, `450-`) or an enhanced one (`5.1.1`) stands in a line, not as part of a number.
  static func holdsCode(_ line: String) -> Bool {
    let bytes = Array(line.utf8)
    var index = 0
    while index + 2 < bytes.count {
      defer { index += 1 }
      guard bytes[index] == 0x34 || bytes[index] == 0x35 else { continue }
      if index > 0, isWord(bytes[index - 1]) || bytes[index - 1] == 0x2E { continue }
      let next = bytes[index + 1]
      if isDigit(next), isDigit(bytes[index + 2]) {
        let after = index + 3 < bytes.count ? bytes[index + 3] : 0x20
        if !isWord(after), after != 0x2E || index + 4 >= bytes.count || !isDigit(bytes[index + 4]) { return true }
      } else if next == 0x2E, isDigit(bytes[index + 2]) {
        var end = index + 3
        while end < bytes.count, isDigit(bytes[end]) { end += 1 }
        if end + 1 < bytes.count, bytes[end] == 0x2E, isDigit(bytes[end + 1]) { return true }
      }
    }
    return false
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || (0x41...0x5A).contains(byte & 0xDF) }
}
