internal import CUnbound
internal import NIOConcurrencyHelpers

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What happens on the thread.
extension ResolverThread {
  func run() {
    while true {
      let (commands, stopped) = inbox.withLockedValue { inbox in
        defer { inbox.commands.removeAll() }
        return (inbox.commands, inbox.stopped)
      }
      for command in commands { perform(command) }
      if stopped { break }
      waitForEvents()
      expire()
      startWaiting()
    }
    for id in Array(pending.keys) { finish(id, .failed("the resolver is shut down")) }
  }

  private func perform(_ command: Command) {
    switch command {
    case .cancel(let id):
      finish(id, .failed("cancelled"))
      startWaiting()
    case .lookUp(let id, let name, let type, let completion):
      guard pending.count < configuration.outstandingMax + configuration.waitingMax else {
        return completion(.failed("too many look-ups at once"))
      }
      pending[id] = Pending(
        name: name, type: type, completion: completion, deadline: .now + configuration.timeout, ticket: nil)
      order.append(id)
      waiting.append(id)
      startWaiting()
    }
  }

  private func startWaiting() {
    while waitingStart < waiting.count, tickets.count < configuration.outstandingMax {
      let id = waiting[waitingStart]
      waitingStart += 1
      begin(id)
    }
    if waitingStart == waiting.count { (waiting, waitingStart) = ([], 0) }
  }

  private func begin(_ id: UInt64) {
    guard let lookup = pending[id] else { return }
    let ticket = Ticket(self, id)
    tickets[id] = ticket
    pending[id]?.ticket = ticket
    let code = ub_resolve_async(
      context, lookup.name, lookup.type.rawValue, 1, Unmanaged.passUnretained(ticket).toOpaque(), resolverCallback,
      &ticket.asyncID)
    if code != 0 {
      tickets[id] = nil
      pending[id]?.ticket = nil
      finish(id, .failed(errorText(code)))
    }
  }

  private func waitForEvents() {
    var limit: Int32 = -1
    if let deadline = nextDeadline() {
      let left = (deadline - .now).components
      limit = Int32(max(0, min(60_000, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1)))
    }
    var descriptors = [
      pollfd(fd: ub_fd(context), events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&descriptors, 2, limit)
    if descriptors[1].revents != 0 {
      var drain = [UInt8](repeating: 0, count: 512)
      while read(wakeRead, &drain, drain.count) > 0 {}
    }
    // Callbacks run in here.
    if descriptors[0].revents != 0 { _ = ub_process(context) }
  }

  private func nextDeadline() -> ContinuousClock.Instant? {
    while orderStart < order.count {
      if let lookup = pending[order[orderStart]] { return lookup.deadline }
      orderStart += 1
    }
    (order, orderStart) = ([], 0)
    return nil
  }

  private func expire() {
    let now = ContinuousClock.now
    while let deadline = nextDeadline(), deadline <= now {
      finish(order[orderStart], .failed("no answer from the name servers in time"))
    }
    if orderStart > 4096, orderStart * 2 > order.count {
      order.removeFirst(orderStart)
      orderStart = 0
    }
  }

  /// Ends a look-up once; a second call does nothing.
  private func finish(_ id: UInt64, _ answer: DNSAnswer<RecordSet>) {
    guard let lookup = pending.removeValue(forKey: id) else { return }
    // When libunbound cannot cancel, its callback still comes and still needs the ticket.
    if let ticket = lookup.ticket, tickets[id] != nil, ub_cancel(context, ticket.asyncID) == 0 { tickets[id] = nil }
    lookup.completion(answer)
  }

  fileprivate func received(_ ticket: Ticket, code: Int32, result: UnsafeMutablePointer<ub_result>?) {
    let id = ticket.id
    tickets[id] = nil
    pending[id]?.ticket = nil
    defer { if let result { ub_resolve_free(result) } }
    guard code == 0, let result else { return finish(id, .failed(errorText(code))) }
    finish(id, answer(result.pointee))
  }

  private func answer(_ result: ub_result) -> DNSAnswer<RecordSet> {
    if result.bogus != 0 {
      let why = result.why_bogus.map {
        String(decoding: UnsafeRawBufferPointer(start: $0, count: strlen($0)).prefix(300), as: UTF8.self)
      }
      return .failed("DNSSEC validation failed: \(why ?? "no reason given")")
    }
    if result.nxdomain != 0 { return .noSuchDomain }
    guard result.rcode == 0 else {
      return .failed(Self.rcodes[result.rcode] ?? "the name server answered with code \(result.rcode)")
    }
    guard result.havedata != 0, let data = result.data, let lengths = result.len else { return .noData }
    var records: [[UInt8]] = []
    // 64 KB of answer cannot hold more records than this.
    while records.count < 4096, let record = data[records.count] {
      records.append(Array(UnsafeRawBufferPointer(start: record, count: max(0, Int(lengths[records.count])))))
    }
    return records.isEmpty
      ? .noData : .found(RecordSet(records: records, secure: result.secure != 0), secure: result.secure != 0)
  }

  private static let rcodes: [Int32: String] = [
    1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED (the name server does not answer for this name)",
  ]

  private func errorText(_ code: Int32) -> String {
    ub_strerror(code).map { String(cString: $0) } ?? "libunbound error \(code)"
  }
}

/// libunbound's callback: on the resolver's thread, inside `ub_process`.
private func resolverCallback(
  _ argument: UnsafeMutableRawPointer?, _ code: Int32, _ result: UnsafeMutablePointer<ub_result>?
) {
  guard let argument else { return }
  let ticket = Unmanaged<ResolverThread.Ticket>.fromOpaque(argument).takeUnretainedValue()
  ticket.thread.received(ticket, code: code, result: result)
}
