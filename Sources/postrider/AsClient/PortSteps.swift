internal import DNS
internal import MailModel
internal import NIOCore
internal import SMTPClient
internal import SMTPWire
internal import TLS

/// A connection on which a login could come next.
struct ClientSession {
  let connection: SteppedConnection
  let capabilities: ClientCapabilities
  /// The certificate stands for the name.
  let isTrusted: Bool
}

/// One port at one address, up to where a login could come.
struct PortSteps {
  let plan: ClientPlan
  let port: ClientPlan.Port
  let address: IPAddress
  let tls: TLSContext
  let group: any EventLoopGroup
  let tell: (Finding) -> Void
  private(set) var findings: [Finding] = []
  private let place: String

  /// A step has failed, and it has been told.
  private struct Stopped: Error {}

  init(
    plan: ClientPlan, port: ClientPlan.Port, address: IPAddress, isAlone: Bool, tls: TLSContext,
    group: any EventLoopGroup, tell: @escaping (Finding) -> Void
  ) {
    (self.plan, self.port, self.address, self.tls, self.group, self.tell) = (plan, port, address, tls, group, tell)
    place = isAlone ? "\(port.number)" : "\(port.number) at \(address)"
  }

  /// - Returns: nil when it ended early.
  mutating func run() async -> ClientSession? {
    do throws(Stopped) {
      let connection = try await open()
      let session =
        switch port.security {
        case .implicitTLS: try await beginWithTLS(connection)
        case .startTLS: try await beginInClear(connection)
        }
      try judgeLogins(session.capabilities)
      return session
    } catch {
      return nil
    }
  }

  // MARK: Order of steps

  private mutating func beginWithTLS(_ connection: SteppedConnection) async throws(Stopped) -> ClientSession {
    let isTrusted = try await encrypt(connection)
    try await greet(connection)
    return ClientSession(
      connection: connection, capabilities: try await hello(connection, isEncrypted: true), isTrusted: isTrusted)
  }

  private mutating func beginInClear(_ connection: SteppedConnection) async throws(Stopped) -> ClientSession {
    try await greet(connection)
    let before = try await hello(connection, isEncrypted: false)
    guard before.startTLS else {
      try stop(
        connection, "STARTTLS", "it is not offered",
        "something between here and the server takes it out (a firewall, a virus scanner), or the server has no TLS; "
          + "never log in without it; port 465 cannot be stripped like that")
    }
    if !before.mechanisms.isEmpty {
      add(
        .warning(
          "STARTTLS \(place)", "the server also takes logins without encryption",
          advice: "see that the mail program insists on STARTTLS"))
    }
    let reply = try await said(connection, "STARTTLS", command: "STARTTLS")
    guard reply.code == 220 else {
      try stop(connection, "STARTTLS", "refused: \(reply.text)", "try again later; never log in without it")
    }
    add(.ok("STARTTLS \(place)", "offered and begun"))
    let isTrusted = try await encrypt(connection)
    return ClientSession(
      connection: connection, capabilities: try await hello(connection, isEncrypted: true), isTrusted: isTrusted)
  }

  // MARK: Steps

  private mutating func open() async throws(Stopped) -> SteppedConnection {
    let name = "port \(place)"
    do throws(StepTrouble) {
      let connection = try await SteppedConnection.open(
        to: address, port: port.number, within: plan.limit, on: group)
      add(.ok(name, "\(address) takes connections"))
      return connection
    } catch {
      add(ConnectAdvice.finding(name, error, address, port.number, plan.limit))
      throw Stopped()
    }
  }

  /// - Returns: whether the certificate stands for the name.
  private mutating func encrypt(_ connection: SteppedConnection) async throws(Stopped) -> Bool {
    do throws(StepTrouble) {
      let (facts, peer) = try await connection.startTLS(tls, name: plan.host, within: plan.limit)
      add(.ok("encryption \(place)", "\(facts.version), \(facts.cipher)"))
      let judged = CertificateFindings(peer: peer, host: plan.host, place: place).all
      judged.forEach { add($0) }
      return facts.verified && judged.status != .failed
    } catch {
      let speaksClear = port.security == .implicitTLS && !EncryptionAdvice.isTLS(error) ? await greetsInClear() : false
      add(EncryptionAdvice.finding("encryption \(place)", error, speaksClear: speaksClear, limit: plan.limit))
      connection.close()
      throw Stopped()
    }
  }

  private mutating func greet(_ connection: SteppedConnection) async throws(Stopped) {
    let reply: Reply
    do throws(StepTrouble) {
      reply = try await connection.reply(within: plan.limit)
    } catch {
      let speaksTLS = port.security == .startTLS ? await beginsWithTLS() : false
      add(ConnectAdvice.silence("greeting \(place)", error, speaksTLS: speaksTLS, limit: plan.limit))
      connection.close()
      throw Stopped()
    }
    guard reply.code == 220 else {
      try stop(
        connection, "greeting", "the server refuses: \(reply.text)", ReplyAdvice.advice(for: reply, at: .greeting))
    }
    add(.ok("greeting \(place)", reply.text))
  }

  private mutating func hello(
    _ connection: SteppedConnection, isEncrypted: Bool
  ) async throws(Stopped) -> ClientCapabilities {
    // An address literal, as mail programs say it: they have no name of their own.
    let literal = connection.ourAddress.contains(":") ? "IPv6:\(connection.ourAddress)" : connection.ourAddress
    let reply = try await said(connection, "EHLO", command: "EHLO [\(literal)]")
    guard reply.isPositive else {
      try stop(connection, "EHLO", "the server refuses: \(reply.text)", ReplyAdvice.advice(for: reply, at: .greeting))
    }
    let capabilities = ClientCapabilities(ehlo: reply)
    if isEncrypted { add(.ok("EHLO \(place)", CapabilityText.text(capabilities))) }
    return capabilities
  }

  private mutating func judgeLogins(_ capabilities: ClientCapabilities) throws(Stopped) {
    if capabilities.mechanisms.isDisjoint(with: ["PLAIN", "LOGIN"]) {
      add(
        .failed(
          "EHLO \(place)", "no login with PLAIN or LOGIN is offered",
          advice: "this is no server for mail programs, perhaps one that takes mail from other servers (port 25)"))
      throw Stopped()
    }
  }

  private mutating func said(
    _ connection: SteppedConnection, _ step: String, command: String
  ) async throws(Stopped) -> Reply {
    do throws(StepTrouble) {
      return try await connection.command(command, within: plan.limit)
    } catch {
      add(ConnectAdvice.silence("\(step) \(place)", error, speaksTLS: false, limit: plan.limit))
      connection.close()
      throw Stopped()
    }
  }

  // MARK: The other way round

  /// A port for STARTTLS where TLS from the start was expected: it greets without being spoken to.
  private func greetsInClear() async -> Bool {
    guard
      let connection = try? await SteppedConnection.open(
        to: address, port: port.number, within: plan.limit, on: group)
    else { return false }
    defer { connection.close() }
    return (try? await connection.reply(within: plan.limit)) != nil
  }

  private func beginsWithTLS() async -> Bool {
    guard
      let connection = try? await SteppedConnection.open(
        to: address, port: port.number, within: plan.limit, on: group)
    else { return false }
    defer { connection.close() }
    return (try? await connection.startTLS(tls, name: plan.host, within: plan.limit)) != nil
  }

  private mutating func stop(
    _ connection: SteppedConnection, _ step: String, _ detail: String, _ advice: String
  ) throws(Stopped) -> Never {
    add(.failed("\(step) \(place)", detail, advice: advice))
    connection.close()
    throw Stopped()
  }

  private mutating func add(_ finding: Finding) {
    findings.append(finding)
    tell(finding)
  }
}
