internal import MailModel
internal import MailQueue
internal import Observability
internal import Postgres
internal import Settings

/// A message's story for people: the facts, then what happened in the order of time, then what is to come.
struct TraceText {
  let trace: MessageTrace
  private var facts: MessageFacts { trace.facts }

  init(_ trace: MessageTrace) { self.trace = trace }

  var text: String { heading.text + "\n" + timeline }

  /// What is known since acceptance.
  var heading: FieldList {
    var list = FieldList()
    let envelope = facts.envelope
    list.add("message", facts.id)
    list.add("from", envelope.reversePath?.description ?? "<> (nobody is told about failures)")
    list.add("tenant", facts.tenantName ?? "number \(facts.tenant)")
    list.add("logged in as", facts.credential)
    list.add("accepted", "\(facts.acceptedAt.readable), \(facts.acceptedAt.relative(to: trace.now))")
    list.add("session", facts.clientAddress.isEmpty ? facts.session : "\(facts.session) from \(facts.clientAddress)")
    list.add("size", "\(facts.size) bytes, \(envelope.body.keyword)\(envelope.smtpUTF8 ? " SMTPUTF8" : "")")
    list.add("body", body)
    list.add("scanned", facts.scan)
    list.add("held for", facts.holdReason)
    list.add("returned", envelope.returned.map { "RET=\($0.keyword)" })
    list.add("envelope id", envelope.envelopeID)
    list.add("expires", "\(facts.expiresAt.readable), \(facts.expiresAt.relative(to: trace.now))")
    list.add("notice of", facts.noticeOf)
    list.add("notices", facts.notices.map(\.description).joined(separator: ", "))
    return list
  }

  /// What has become of the body, or what will.
  private var body: String {
    if facts.isRedacted {
      let ended = trace.endedAt.map { ", \(fate) \($0.readable)" } ?? ""
      return "redacted" + (facts.redactedAt.map { " \($0.readable)" } ?? "") + ": its key is destroyed" + ended
    }
    if let until = trace.bodyUntil { return "kept until \(until.readable), \(until.relative(to: trace.now))" }
    let (body, bounced) = (facts.retention.body, facts.retention.bounced)
    return "kept while it waits, then \(DurationText.text(body))"
      + (body == bounced ? "" : ", \(DurationText.text(bounced)) if it bounces")
  }

  private var fate: String {
    trace.states.allSatisfy { $0.name == OutcomeKind.delivered.name } ? "delivered" : "ended"
  }

  private var timeline: String {
    let count = facts.envelope.recipients.count
    var lines = [line(since: facts.acceptedAt, "accepted", "for \(count == 1 ? "1 recipient" : "\(count) recipients")")]
    if let reason = facts.holdReason { lines.append(line(since: facts.acceptedAt, "held", escaped(reason))) }
    for outcome in trace.outcomes { lines += describe(outcome) }
    for (index, state) in trace.states.enumerated() where !state.isFinal || state == .unknown {
      lines.append(row("now", state.name, recipient(Int32(index + 1)) + expectation(state)))
    }
    if let at = facts.redactedAt { lines.append(line(since: at, "redacted", "nobody can read its body any more")) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func describe(_ outcome: TracedOutcome) -> [String] {
    var first = recipient(outcome.recipient)
    var by: String?
    if let node = outcome.node {
      first += ", attempt \(outcome.number), took \(outcome.attempt.duration.brief)"
      by = "by \(escaped(node))" + (outcome.session.map { ", worker session \($0)" } ?? "")
    }
    if outcome.isLate { first += ", late: another worker had it by then" }
    var lines = [line(since: outcome.at, outcome.kind.name, first)]
    if let by { lines.append(indented(by)) }
    if let remote = outcome.attempt.remote {
      lines.append(
        indented(
          outcome.kind.isReport ? "reported by \(escaped(remote.name)) [\(escaped(remote.address))]" : describe(remote))
      )
    }
    let words = escaped(outcome.attempt.result.words)
    if !words.isEmpty {
      // What failed before a connection was tried says so by itself.
      let stage = outcome.attempt.result.stage.flatMap { $0 == .route ? nil : " (at \($0.name))" } ?? ""
      lines.append(indented((outcome.attempt.result.reply == nil ? "" : "replied: ") + words + stage))
    }
    if let due = outcome.nextDue {
      lines.append(indented("next attempt \(due.readable), \(due.relative(to: outcome.at))"))
    }
    return lines
  }

  private func describe(_ remote: RemoteHost) -> String {
    let host = "MX \(escaped(remote.name)) [\(escaped(remote.address))]:\(remote.port)"
    guard let tls = remote.tls else { return host + ", no TLS" }
    let verified = tls.verified ? "certificate verified" : "certificate not verified"
    return host + ", \(escaped(tls.version)) \(escaped(tls.cipher)), \(verified)"
  }

  private func expectation(_ state: RecipientState) -> String {
    switch state {
    case .pending(let due), .deferred(let due):
      due <= trace.now ? ", due" : ", due \(due.readable), \(due.relative(to: trace.now))"
    case .inFlight(let node, let session): ", at \(escaped(node)), worker session \(session)"
    case .held: ", until it is released"
    case .ended: ""
    case .unknown: ", neither queued nor recorded"
    }
  }

  private func recipient(_ number: Int32) -> String {
    escaped(facts.address(of: number) ?? (number == 0 ? "one of its recipients" : "recipient \(number)"))
  }

  private func line(since moment: Timestamp, _ event: String, _ what: String) -> String {
    let elapsed = Duration.microseconds(max(0, moment.microseconds - facts.acceptedAt.microseconds))
    return row("+" + elapsed.brief, event, what)
  }

  private func row(_ time: String, _ event: String, _ what: String) -> String {
    pad(time, 9) + pad(event, 11) + what
  }

  private func indented(_ text: String) -> String { String(repeating: " ", count: 20) + text }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
