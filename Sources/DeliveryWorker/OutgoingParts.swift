internal import BounceRules
internal import MailFormat
internal import MailModel
internal import MailQueue
internal import NIOCore
internal import Postgres
internal import ReturnPaths
internal import Routing
internal import SMTPClient

/// What a claimed message is sent in: those of its recipients that share a transaction, with the return path that the
/// transaction has.
struct OutgoingPart {
  /// Places in the claim.
  let places: [Int]
  let envelope: Envelope
}

extension ClaimedMessage {
  /// The transactions to make. Recipients that nothing is sent to are in none.
  func parts(_ keys: ReturnPathKeys?) -> [OutgoingPart] {
    let places = jobs.indices.filter { suppressions[$0] == nil }
    guard !places.isEmpty else { return [] }
    let groups = returnPath?.isForEach == true && keys != nil ? places.map { [$0] } : [places]
    return groups.map { group in
      var envelope = envelope
      envelope.recipients = group.map { self.envelope.recipients[$0] }
      if let path = rewritten(for: group, keys) { envelope.reversePath = path }
      return OutgoingPart(places: group, envelope: envelope)
    }
  }

  /// nil: the sender's own, or the null one, stays. A single recipient is named also where recipients share
  /// transactions: it costs nothing, and a report about it needs no guessing.
  private func rewritten(for group: [Int], _ keys: ReturnPathKeys?) -> MailAddress? {
    guard let returnPath, let keys, envelope.reversePath != nil else { return nil }
    let recipient = group.count == 1 ? jobs[group[0]].recipient : nil
    return keys.address(
      for: ReturnPath(message: id, day: jobs[group[0]].day.days, recipient: recipient), at: returnPath.host)
  }
}

extension MessageDelivery {
  /// Transactions of one message at once, where each recipient has its own.
  private static let partsAtOnce = 5

  /// Sends the parts, several at once, until all have ended.
  /// - Parameter mayBegin: asked before each of them begins.
  /// - Returns: one attempt for each place in the claim that a part has.
  func send(
    _ parts: [OutgoingPart], of message: ClaimedMessage, body: ByteBuffer?, lease: WorkerLease, over route: Route,
    mayBegin: @escaping @Sendable () -> Bool = { true }
  ) async -> [Int: Attempt] {
    if parts.count == 1 {
      let attempts = await send(parts[0], of: message, body: body, lease: lease, over: route, mayBegin)
      return Dictionary(uniqueKeysWithValues: zip(parts[0].places, attempts))
    }
    return await withTaskGroup(of: [(Int, Attempt)].self) { group in
      var waiting = parts[...]
      func begin() {
        guard let part = waiting.popFirst() else { return }
        group.addTask {
          Array(zip(part.places, await send(part, of: message, body: body, lease: lease, over: route, mayBegin)))
        }
      }
      for _ in 0..<Self.partsAtOnce { begin() }
      var ended: [Int: Attempt] = [:]
      for await attempts in group {
        for (place, attempt) in attempts { ended[place] = attempt }
        begin()
      }
      return ended
    }
  }

  private func send(
    _ part: OutgoingPart, of message: ClaimedMessage, body: ByteBuffer?, lease: WorkerLease, over route: Route,
    _ mayBegin: @escaping @Sendable () -> Bool
  ) async -> [Attempt] {
    let content: any ContentSource =
      if let body {
        MemoryContent(body)
      } else {
        StoredContent(message: message, store: services.bodies, pool: services.database)
      }
    let outgoing = OutgoingTransaction(
      id: message.id, envelope: part.envelope, size: message.size, content: content, mayStart: { lease.holds() },
      mayBegin: mayBegin)
    return await services.connections.deliver(outgoing, over: route)
  }
}

extension MessageDelivery {
  /// Whether an attempt says that its recipient cannot be reached any more.
  ///
  /// Only the recipient's own refusal counts: one of a whole message says nothing about each of several. Mail without
  /// a sender, such as notices, teaches nothing and is not kept from anybody. Nor does a mailbox that is not here: asking
  /// costs nothing, and it may be made the next minute.
  func suppression(after attempt: Attempt, _ info: BounceInfo?, of message: ClaimedMessage) -> BounceSuppression? {
    guard let info, info.isHardBounce, message.envelope.reversePath != nil,
      case .refused(_, let stage) = attempt.result, attempt.remote?.keepsMailboxes != true,
      stage == .recipient || (stage == .finalDot && message.jobs.count == 1)
    else { return nil }
    return BounceSuppression(category: info.category.rawValue, lifetime: configuration.suppressBounces)
  }

  /// What was learned of an address while its mailbox was elsewhere, or nowhere, says nothing about one that is here: the
  /// server of the mailboxes is asked. What its owner or an operator has said holds.
  ///
  /// Where nobody can say whether mailboxes are here, neither can `route`, and nothing is sent or refused.
  func withoutLiftedSuppressions(_ message: ClaimedMessage) async -> ClaimedMessage {
    guard message.suppressions.contains(where: { $0?.reason == .bounced }),
      let domain = message.envelope.recipients.first?.address.destination,
      await services.router.hostsMailboxes(of: domain) != false
    else { return message }
    var message = message
    message.suppressions = message.suppressions.map { $0?.reason == .bounced ? nil : $0 }
    return message
  }
}

extension Suppression {
  /// For the sender, who may not know that there is such a list.
  var words: String {
    let day = { (moment: Int64) in MailDate.day(moment) }
    let why =
      switch reason {
      case .bounced: "a mail server has said on \(day(addedAt.unixSeconds)) that it cannot be reached (\(detail))"
      case .complained: "its owner complained about mail from this service on \(day(addedAt.unixSeconds))"
      case .operatorsChoice: "the operator of this mail service blocked it" + (detail.isEmpty ? "" : " (\(detail))")
      }
    let end = expiresAt.map { ". This ends on \(day($0.unixSeconds))" } ?? ""
    return why + end + ". Whoever runs this mail service can lift it now (postrider suppression remove)"
  }
}
