import Cryptography
import DNS
import Foundation
import Logging
import MailModel
import NIOCore
import NIOPosix
import Routing
import SMTPClient
import SMTPWire
import TLS
import Testing

/// The client against scripted servers on real sockets.
@Suite struct DialogueTests {
  @Test(arguments: Dialogue.all)
  func script(_ dialogue: Dialogue) async throws {
    // Where a reply shall not come in time, all others have to, however busy the machine is: a dialogue that went otherwise is
    // played again with more time.
    var short = Duration.milliseconds(150)
    var played = try await play(dialogue, short)
    while dialogue.options["timeout"] != nil, !played.isExpected(of: dialogue), short < .seconds(60) {
      short *= 8
      played = try await play(dialogue, short)
    }
    #expect(played.outcomes == dialogue.outcomes)
    #expect(played.faults == [])
    #expect(played.connections == dialogue.connections.count)
    #expect(dialogue.options["unknown line"] == nil)
  }

  private struct Played {
    var outcomes: [String] = []
    let faults: [String]
    let connections: Int

    func isExpected(of dialogue: Dialogue) -> Bool {
      outcomes == dialogue.outcomes && faults == [] && connections == dialogue.connections.count
    }
  }

  /// - Parameter short: the time limit of the reply that does not come.
  private func play(_ dialogue: Dialogue, _ short: Duration) async throws -> Played {
    let world = try World.shared.get()
    let server = try await ScriptedServer(
      dialogue.connections, message: Array(dialogue.message.utf8), tls: world.serverTLS, group: world.group)
    let pool = ConnectionPool(
      group: world.group, tls: world.clientTLS, configuration: configuration(dialogue.options, short))
    var outcomes: [String] = []
    for _ in 0..<(Int(dialogue.options["messages"] ?? "") ?? 1) {
      let attempts = await pool.deliver(transaction(dialogue), over: route(dialogue.options, server.port))
      outcomes += zip(dialogue.recipients, attempts).map { "\($0.address) \(summary($1.result))" }
    }
    pool.shutdown()
    try await server.stop()
    await pool.drained()
    #expect(pool.counts == (0, 0, 0))
    return Played(outcomes: outcomes, faults: server.faults, connections: server.connections)
  }

  @Test func thereAreScripts() { #expect(Dialogue.all.count > 20) }

  private func configuration(_ options: [String: String], _ short: Duration) -> ClientConfiguration {
    var configuration = ClientConfiguration(heloName: "node.test")
    switch options["timeout"] {
    case "greeting": configuration.timeouts.greeting = short
    case "mail": configuration.timeouts.mail = short
    case "tls": configuration.timeouts.tls = short
    case "data": configuration.timeouts.data = short
    case "finalDot": configuration.timeouts.finalDot = short
    default: break
    }
    if let count = options["recipientsPerTransaction"].flatMap({ Int($0) }) {
      configuration.recipientsPerTransaction = count
    }
    if let count = options["messagesPerConnection"].flatMap({ Int($0) }) { configuration.messagesPerConnection = count }
    return configuration
  }

  private func transaction(_ dialogue: Dialogue) -> OutgoingTransaction {
    let options = dialogue.options
    var envelope = Envelope(reversePath: MailAddress(trusted: options["sender"] ?? "s@node.test"))
    envelope.recipients = dialogue.recipients
    if options["sender"] == "null" { envelope.reversePath = nil }
    if options["body"] == "8BITMIME" { envelope.body = .eightBit }
    if options["body"] == "BINARYMIME" { envelope.body = .binary }
    envelope.smtpUTF8 = options["smtputf8"] != nil
    if options["ret"] != nil { envelope.returned = .headers }
    envelope.envelopeID = options["envid"]
    let buffer = ByteBuffer(string: dialogue.message)
    let content: any ContentSource = options["blocks"] == nil ? MemoryContent(buffer) : BlockContent(buffer)
    let claim = Claim(answers: Int(options["claimAnswers"] ?? "") ?? .max)
    return OutgoingTransaction(
      id: QueueID(unixMilliseconds: 1), envelope: envelope, size: buffer.readableBytes, content: content,
      mayStart: { claim.holds() })
  }

  private func route(_ options: [String: String], _ port: Int) -> Route {
    let tls: TLSRequirement =
      switch options["tls"] {
      case "none": .none
      case "required": .required
      case "verified": .verified
      default: .opportunistic
      }
    let login = options["login"].map { RouteLogin(user: $0, password: "secret") }
    let name = options["name"] ?? "localhost"
    let first = RouteHost(
      name: name, addresses: [IPAddress(v4: 0x7F00_0001)], port: port, tls: tls,
      implicitTLS: options["implicit"] != nil,
      login: login, transfer: options["lmtp"] == nil ? .smtp : .lmtp)
    // "hosts 2": the same server once more under another name.
    let second = RouteHost(name: "second.test", addresses: [IPAddress(v4: 0x7F00_0001)], port: port, tls: tls)
    return Route(hosts: options["hosts"] == "2" ? [first, second] : [first])
  }
}

/// What all dialogues share: threads and certificates.
struct World: Sendable {
  static let shared = Result { try World() }

  let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  let serverTLS: TLSContext
  let clientTLS: TLSContext

  init() throws {
    let directory = NSTemporaryDirectory() + "postrider-client-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let files = try CertificateMaker.ensure(directory: directory, names: ["localhost"])
    serverTLS = try TLSContext.server(certificateFile: files.certificate, keyFile: files.key)
    clientTLS = try TLSContext.client(trustedCertificatesFile: files.authorityCertificate)
  }
}
