internal import DNS
internal import MailModel
internal import NIOPosix
internal import SMTPClient
internal import SMTPWire
internal import Settings
internal import TLS

/// One address of the server of mailboxes, from the connection up to where a worker's first message would come
/// (RFC 2033): greeting, LHLO, TLS as `mailboxes.tls` says, what it can do, QUIT. No recipient is named.
struct LMTPSteps {
  let server: HostAndPort
  let address: IPAddress
  let settings: Settings
  let tls: TLSContext

  /// An end before the last step.
  private struct Stopped: Error {
    let detail: String
    let advice: String
    /// Workers find another way to bring mail there.
    var isPassedBy = false
  }

  func run() async -> LMTPVerdict {
    let start = ContinuousClock.now
    do throws(Stopped) {
      let connection = try await open()
      defer { connection.close() }
      let (capabilities, encryption) = try await converse(connection)
      let time = (ContinuousClock.now - start).precise
      _ = try? await connection.command("QUIT", within: limit(settings.delivery.timeout.quit))
      return judge(capabilities, "\(place) speaks LMTP, \(encryption); all steps took \(time)", encryption)
    } catch {
      let detail = "\(place): \(error.detail)"
      if error.isPassedBy { return .wanting(detail, advice: error.advice) }
      return .bad(detail, advice: "\(error.advice); \(LMTPVerdict.consequence)")
    }
  }

  private var place: String { IPAddress(server.host) == nil ? "\(server) (\(address))" : "\(server)" }

  /// As long as a worker waits, but nobody waits minutes for a check.
  private func limit(_ setting: Duration) -> Duration { min(setting, .seconds(5)) }

  // MARK: Steps

  private func open() async throws(Stopped) -> SteppedConnection {
    let limit = limit(settings.delivery.timeout.connect)
    do throws(StepTrouble) {
      return try await SteppedConnection.open(
        to: address, port: server.port, within: limit, on: MultiThreadedEventLoopGroup.singleton)
    } catch {
      switch error {
      case .refused:
        throw Stopped(detail: "it refuses connections", advice: "start Dovecot or mend mailboxes.lmtp")
      case .timedOut:
        throw Stopped(
          detail: "it takes no connection within \(limit.brief)",
          advice: "start Dovecot or mend mailboxes.lmtp; a firewall must let workers through to port \(server.port)")
      default:
        throw Stopped(detail: error.explanation, advice: "start Dovecot or mend mailboxes.lmtp")
      }
    }
  }

  private func converse(
    _ connection: SteppedConnection
  ) async throws(Stopped) -> (capabilities: ClientCapabilities, encryption: LMTPEncryption) {
    try await greet(connection)
    let before = try await hello(connection)
    if settings.mailboxes.tls == .none { return (before, .notWanted) }
    guard before.startTLS else {
      if settings.mailboxes.tls == .opportunistic { return (before, .notOffered) }
      throw Stopped(
        detail: "mailboxes.tls is required, and it does not offer STARTTLS",
        advice:
          "give Dovecot a certificate (ssl_cert, ssl_key); with mailboxes.tls: opportunistic mail goes there in clear")
    }
    let reply = try await said(connection, "STARTTLS", "STARTTLS", limit(settings.delivery.timeout.tls))
    guard reply.code == 220 else {
      if settings.mailboxes.tls == .opportunistic { return (before, .refused(reply.text)) }
      throw Stopped(detail: "STARTTLS is refused: \(reply.text)", advice: "see Dovecot's log and its ssl_cert, ssl_key")
    }
    let encryption = try await encrypt(connection)
    return (try await hello(connection), encryption)
  }

  private func greet(_ connection: SteppedConnection) async throws(Stopped) {
    let limit = limit(settings.delivery.timeout.greeting)
    let reply: Reply
    do throws(StepTrouble) {
      reply = try await connection.reply(within: limit)
    } catch {
      switch error {
      case .timedOut:
        throw Stopped(
          detail: "it takes connections, and greets nobody within \(limit.brief)",
          advice:
            "Dovecot is overloaded (see process_limit of its service lmtp) or stopped, or the port is one that begins "
            + "with TLS, such as 993: mend mailboxes.lmtp")
      case .notSMTP(let why):
        throw Stopped(
          detail: "what answers there speaks neither LMTP nor SMTP: \(why)",
          advice: "mailboxes.lmtp must be Dovecot's port for LMTP, not the one for IMAP or POP3")
      default:
        throw Stopped(
          detail: "\(error.explanation) before it greeted",
          advice: "see Dovecot's log; the port is perhaps not its port for LMTP")
      }
    }
    guard reply.code == 220 else {
      throw Stopped(detail: "it greets with a refusal: \(reply.text)", advice: "see Dovecot's log")
    }
  }

  private func hello(_ connection: SteppedConnection) async throws(Stopped) -> ClientCapabilities {
    let name = settings.delivery.hostname
    let reply = try await said(connection, "LHLO", "LHLO \(name)", limit(settings.delivery.timeout.hello))
    switch reply.code {
    case 200..<300: return ClientCapabilities(ehlo: reply)
    // RFC 2033 §4.1: SMTP does not know LHLO.
    case 500..<505:
      throw Stopped(
        detail: "it does not know LHLO, so it speaks SMTP and not LMTP: \(reply.text)",
        advice: "mailboxes.lmtp must be Dovecot's port for LMTP (24 in cluster/dovecot), not a mail server's port 25")
    default: throw Stopped(detail: "LHLO is refused: \(reply.text)", advice: "see Dovecot's log")
    }
  }

  private func said(
    _ connection: SteppedConnection, _ step: String, _ line: String, _ limit: Duration
  ) async throws(Stopped) -> Reply {
    do throws(StepTrouble) {
      return try await connection.command(line, within: limit)
    } catch {
      let reason = error == .timedOut ? "there is no answer within \(limit.brief)" : error.explanation
      throw Stopped(detail: "after \(step): \(reason)", advice: "see Dovecot's log")
    }
  }

  // MARK: TLS

  /// - Throws: when workers would not go on: with `required` only a certificate that stands for the name will do.
  private func encrypt(_ connection: SteppedConnection) async throws(Stopped) -> LMTPEncryption {
    let isRequired = settings.mailboxes.tls == .required
    let shown: (facts: TLSFacts, peer: TLSPeer)
    do throws(StepTrouble) {
      shown = try await connection.startTLS(tls, name: server.host, within: limit(settings.delivery.timeout.tls))
    } catch {
      throw Stopped(
        detail: "TLS fails after STARTTLS: \(error.explanation)",
        advice: "see Dovecot's log and its ssl_ settings"
          + (isRequired ? "" : "; until then workers bring mail in clear"),
        isPassedBy: !isRequired)
    }
    guard isRequired, !shown.facts.verified else { return .on(shown.facts) }
    let faults = CertificateFindings(peer: shown.peer, host: server.host, place: "").all.filter { $0.status == .failed }
    let reasons = faults.map(\.detail).joined(separator: "; ")
    throw Stopped(
      detail: "mailboxes.tls is required, and its certificate is not trusted: \(reasons)",
      advice: "Dovecot's ssl_cert must be for \(server.host) and come from an authority that delivery.ca_file or this "
        + "machine has; or change mailboxes.tls")
  }

  // MARK: The end

  private func judge(_ capabilities: ClientCapabilities, _ detail: String, _ encryption: LMTPEncryption) -> LMTPVerdict
  {
    // RFC 2033 §5: PIPELINING and ENHANCEDSTATUSCODES must be there, 8BITMIME should.
    let wanted = [
      ("PIPELINING", capabilities.pipelining), ("ENHANCEDSTATUSCODES", capabilities.enhancedStatusCodes),
      ("8BITMIME", capabilities.eightBitMIME),
    ]
    let missing = wanted.filter { !$0.1 }.map(\.0)
    if !missing.isEmpty {
      return .wanting(
        "\(detail); it lacks \(missing.joined(separator: ", "))",
        advice:
          "Dovecot has them all: something in between takes them out, or another server is there, to which some mail "
          + "cannot be brought (8BITMIME), or only slowly (PIPELINING)")
    }
    if let advice = encryption.advice { return .wanting(detail, advice: advice) }
    return .good(detail)
  }
}
