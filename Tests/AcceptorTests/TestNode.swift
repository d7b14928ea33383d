import Acceptor
import Admission
import Authorship
import Cryptography
import Foundation
import Logging
import MailModel
@testable import MailQueue
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Observability
import TLS

/// Takes messages as the queue would and keeps them in memory. Real queues are tested elsewhere.
final class CollectingQueue: MessageEnqueuing {
  typealias Completion = @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void

  enum Mode: Sendable {
    case accept
    case fail(EnqueueFailure)
    /// Says nothing until the test takes the completion out of `held`.
    case hold
  }

  let mode = NIOLockedValueBox(Mode.accept)
  let messages: AsyncStream<NewMessage>
  let held: AsyncStream<Completion>
  private let continuation: AsyncStream<NewMessage>.Continuation
  private let heldContinuation: AsyncStream<Completion>.Continuation
  private let total = NIOLockedValueBox(0)

  init() {
    (messages, continuation) = AsyncStream.makeStream()
    (held, heldContinuation) = AsyncStream.makeStream()
  }

  var count: Int { total.withLockedValue { $0 } }

  func enqueue(_ message: NewMessage, completion: @escaping Completion) {
    switch mode.withLockedValue({ $0 }) {
    case .accept:
      total.withLockedValue { $0 += 1 }
      continuation.yield(message)
      completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
    case .fail(let failure):
      completion(.failure(failure))
    case .hold:
      total.withLockedValue { $0 += 1 }
      continuation.yield(message)
      heldContinuation.yield(completion)
    }
  }

  func next() async -> NewMessage? {
    var iterator = messages.makeAsyncIterator()
    return await iterator.next()
  }

  func nextHeld() async -> Completion? {
    var iterator = held.makeAsyncIterator()
    return await iterator.next()
  }
}

/// The password decides how the login ends.
struct ScriptedAuthenticator: SubmissionAuthenticating {
  /// Of everybody; nil: it takes a while, then it is `laterStanding`.
  let knownStanding = NIOLockedValueBox<Standing?>(.good)
  let laterStanding = NIOLockedValueBox(Standing.good)

  func rememberedStanding(of principal: Principal) -> Standing? { knownStanding.withLockedValue { $0 } }
  func standing(of principal: Principal) async -> Standing { laterStanding.withLockedValue { $0 } }

  /// The password "late" is accepted after a value has come here.
  let gate = AsyncStream<Void>.makeStream()

  func authenticate(username: String, password: [UInt8], clientAddress: String) async -> AuthenticationResult {
    switch String(decoding: password, as: UTF8.self) {
    case "secret":
      .accepted(
        Principal(tenant: 7, tenantName: "acme", credential: 3, name: username, coversDomain: false, senders: nil))
    case "own":
      .accepted(
        Principal(
          tenant: 7, tenantName: "acme", credential: 3, name: username,
          coversDomain: !username.contains("@"), senders: SenderScope(credential: username)))
    case "smtp off": .smtpOff
    case "overloaded": .overloaded
    case "unavailable": .unavailable("no database")
    case "disabled": .disabled("by hand")
    case "never": await never()
    case "late": await late(username)
    default: .rejected
    }
  }

  private func late(_ username: String) async -> AuthenticationResult {
    var iterator = gate.stream.makeAsyncIterator()
    _ = await iterator.next()
    return .accepted(
      Principal(tenant: 7, tenantName: "acme", credential: 3, name: username, coversDomain: false, senders: nil))
  }

  private func never() async -> AuthenticationResult {
    let forever = AsyncStream<Void> { _ in }
    for await _ in forever {}
    return .overloaded
  }
}

/// An acceptor on loopback with both ports, its certificate, and what it hands over.
struct TestNode: Sendable {
  let service: AcceptorService
  let queue: CollectingQueue
  let authenticator: ScriptedAuthenticator
  let implicitTLS: SocketAddress
  let startTLS: SocketAddress
  let trust: TLSContext

  static let certificates: Result<CertificateMaker.Files, any Error> = Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("acceptor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try CertificateMaker.ensure(directory: folder.path, names: ["localhost", "127.0.0.1"])
  }

  static func with(
    _ configure: (inout AcceptorConfiguration) -> Void = { _ in }, trusted: TrustedClients? = nil,
    scanning: MessageScanning? = nil, _ body: (TestNode) async throws -> Void
  ) async throws {
    let files = try certificates.get()
    var configuration = AcceptorConfiguration(
      hostName: "mx.example.com",
      listeners: [
        .init(address: "127.0.0.1", port: 0, kind: .implicitTLS), .init(address: "127.0.0.1", port: 0, kind: .startTLS),
      ])
    configuration.spoolDirectory = FileManager.default.temporaryDirectory.path
    configuration.shutdownTimeout = .milliseconds(200)
    configure(&configuration)
    let queue = CollectingQueue()
    let authenticator = ScriptedAuthenticator()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let service = AcceptorService(
      configuration: configuration,
      tls: try TLSContext.server(certificateFile: files.certificate, keyFile: files.key),
      authenticator: authenticator, trusted: trusted, scanning: scanning, queue: queue,
      group: MultiThreadedEventLoopGroup.singleton,
      fileThreads: .singleton, logger: logger, mailLog: MailLog(logger: logger))
    let addresses = try await service.start()
    let node = TestNode(
      service: service, queue: queue, authenticator: authenticator, implicitTLS: addresses[0], startTLS: addresses[1],
      trust: try TLSContext.client(trustedCertificatesFile: files.authorityCertificate))
    do {
      try await body(node)
    } catch {
      await service.drain()
      throw error
    }
    await service.drain()
  }

  /// A session under TLS, after EHLO.
  func greeted() async throws -> TestClient {
    let client = try await TestClient.connect(to: implicitTLS, implicitTLS: trust)
    _ = try await client.reply()
    _ = try await client.command("EHLO client.example.org")
    return client
  }

  /// A session that is logged in.
  func loggedIn() async throws -> TestClient {
    let client = try await greeted()
    _ = try await client.command("AUTH PLAIN \(Self.plain("secret"))")
    return client
  }

  /// A session that waits for content.
  func inData() async throws -> TestClient {
    let client = try await loggedIn()
    try await client.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    for _ in 0..<3 { _ = try await client.reply() }
    return client
  }

  static func plain(_ password: String) -> String {
    Data("\u{0}user@example.org\u{0}\(password)".utf8).base64EncodedString()
  }
}

extension NewMessage {
  var text: String {
    get throws { String(decoding: try content.read(at: 0, count: content.size), as: UTF8.self) }
  }
}
