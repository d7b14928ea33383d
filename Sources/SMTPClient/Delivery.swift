internal import Logging
internal import MailModel
internal import Routing
internal import SMTPWire

/// One message on its way over one route.
struct Delivery {
  let pool: ConnectionPool
  let outgoing: OutgoingTransaction
  private let started = ContinuousClock.now
  private var attempts: [Attempt?]
  /// Recipients without an outcome, as positions in the envelope.
  private var open: [Int]
  private var dialsLeft: Int
  private var facts: ContentFacts?
  /// A transaction came to its end: from here on no other host is tried.
  private var wasOffered = false
  /// The connection that was last used and is being closed.
  private var retired: ClientConnection?
  /// Why the last host could not be used.
  private var trouble: (result: AttemptResult, remote: RemoteHost?)?

  init(pool: ConnectionPool, outgoing: OutgoingTransaction) {
    self.pool = pool
    self.outgoing = outgoing
    attempts = Array(repeating: nil, count: outgoing.envelope.recipients.count)
    open = Array(attempts.indices)
    dialsLeft = max(1, pool.configuration.dialsPerDelivery)
  }

  mutating func run(over route: Route) async -> [Attempt] {
    hosts: for host in route.hosts where !open.isEmpty && !wasOffered && dialsLeft > 0 {
      let key = DestinationKey(host)
      switch await pool.acquire(key) {
      case .refused(let why):
        settle(.notTried(why), nil)
      case .granted:
        let isFinal = await deliver(to: host, key)
        pool.release(key, after: retired)
        retired = nil
        if isFinal { break hosts }
      }
      if Task.isCancelled { break hosts }
    }
    if Task.isCancelled { settle(.notTried("shutting down"), nil) }
    if let (result, remote) = trouble { settle(result, remote) }
    settle(.notTried("no host was tried"), nil)
    return attempts.map { $0 ?? Attempt(result: .notTried("no host was tried")) }
  }

  // MARK: One host

  /// - Returns: whether no further host is to be tried.
  private mutating func deliver(to host: RouteHost, _ key: DestinationKey) async -> Bool {
    var mayReuse = true
    while !open.isEmpty {
      guard outgoing.mayStart(), !Task.isCancelled else {
        settle(.notTried("the claim on this message has ended"), nil)
        return true
      }
      guard outgoing.mayBegin() else {
        settle(.notTried("its destination is not sent to just now"), nil)
        return true
      }
      guard let connection = await connection(to: host, key, mayReuse: mayReuse) else {
        guard case .some((let result, let remote)) = trouble else { return false }
        // Recipients that a server put off to the next transaction have not been tried (RFC 5321 §4.5.3.1.10).
        if wasOffered { settle(.notTried("put off by the server, then: \(Self.text(result))"), remote) }
        return wasOffered || isFinal
      }
      switch await transact(over: connection, key) {
      case .sameHost(let keptWillDo): mayReuse = keptWillDo
      case .nextHost: return false
      }
    }
    return true
  }

  private enum Next {
    /// On with who is left, over a kept connection if that will do.
    case sameHost(mayReuse: Bool)
    case nextHost
  }

  /// The last set-up failure speaks for the whole destination.
  private var isFinal = false

  private mutating func connection(
    to host: RouteHost, _ key: DestinationKey, mayReuse: Bool
  ) async -> ClientConnection? {
    // Only then is there room for another.
    await retired?.end()
    retired = nil
    if mayReuse, let idle = await pool.reuse(host, key) { return idle }
    for address in host.addresses where dialsLeft > 0 && !Task.isCancelled {
      dialsLeft -= 1
      switch await pool.dialler.dial(address, of: host) {
      case .connected(let connection):
        pool.opened(connection, key)
        return connection
      case .failed(let failure, let remote):
        trouble = (failure.result, remote)
        isFinal = !failure.mayTryNextHost
        pool.logger.debug(
          "host failed",
          metadata: ["message": "\(outgoing.id)", "host": "\(remote.name)", "address": "\(remote.address)"])
        if isFinal { return nil }
      }
    }
    return nil
  }

  // MARK: Transactions

  private mutating func transact(over connection: ClientConnection, _ key: DestinationKey) async -> Next {
    let fitting: TransactionFitting
    do {
      fitting = try await fit(connection.capabilities)
    } catch {
      settle(.failed(.system("the message could not be read"), .mail), connection.remote)
      putBack(connection, key)
      return .sameHost(mayReuse: true)
    }
    for (index, result) in fitting.failures { settle(index, result, connection.remote) }
    guard !fitting.indices.isEmpty else {
      putBack(connection, key)
      return .sameHost(mayReuse: true)
    }
    let result = await connection.run(fitting.transaction, of: outgoing)
    if result.isStale {
      retired = connection
      return .sameHost(mayReuse: false)
    }
    putBack(connection, key)
    return take(result, of: fitting.indices, connection.remote)
  }

  /// Records who has an outcome. Who lost his connection before the final dot may try the next host: nothing can have
  /// been delivered, and a host that always breaks off must not keep the mail from the others.
  private mutating func take(_ result: ClientTransactionResult, of indices: [Int], _ remote: RemoteHost) -> Next {
    guard result.outcomes.count == indices.count else {
      settle(.failed(.system("the transaction was lost track of"), .data), remote)
      return .sameHost(mayReuse: false)
    }
    var loss: AttemptResult?
    for case (let index, .done(let result)) in zip(indices, result.outcomes) {
      if Self.isLoss(result) { loss = result } else { settle(index, result, remote) }
    }
    guard let loss else {
      wasOffered = true
      return .sameHost(mayReuse: true)
    }
    trouble = (loss, remote)
    return .nextHost
  }

  private static func isLoss(_ result: AttemptResult) -> Bool {
    switch result {
    case .failed(let failure, let stage) where stage != .finalDot:
      switch failure {
      case .connection, .timeout, .protocolViolation: true
      default: false
      }
    case .refused(let reply, let stage): reply.code == 421 && stage != .finalDot
    default: false
    }
  }

  private mutating func putBack(_ connection: ClientConnection, _ key: DestinationKey) {
    if !pool.putBack(connection, key) { retired = connection }
  }

  private mutating func fit(_ capabilities: ClientCapabilities) async throws -> TransactionFitting {
    var known = facts
    defer { facts = known }
    let content = outgoing.content
    return try await TransactionFitting.fit(outgoing, recipients: open, to: capabilities) {
      if let known { return known }
      let examined = try await ContentFacts.examine(content)
      known = examined
      return examined
    }
  }

  // MARK: Outcomes

  private mutating func settle(_ index: Int, _ result: AttemptResult, _ remote: RemoteHost?) {
    attempts[index] = Attempt(result: result, remote: remote, duration: started.duration(to: .now))
    open.removeAll { $0 == index }
  }

  private mutating func settle(_ result: AttemptResult, _ remote: RemoteHost?) {
    for index in open { settle(index, result, remote) }
  }

  private static func text(_ result: AttemptResult) -> String {
    switch result {
    case .refused(let reply, _): reply.text
    case .failed(let failure, _): failure.explanation
    case .notTried(let why): why
    case .delivered: ""
    }
  }
}
