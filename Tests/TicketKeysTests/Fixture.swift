import Cryptography
import Foundation
import Logging
import MailTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Redis
import TLS
import Testing
import TicketKeys

/// What several acceptors of one deployment share: a Redis, a master key, a certificate.
final class Deployment: Sendable {
  let server: RedisServer
  let directory: TemporaryDirectory
  let certificates: CertificateMaker.Files
  /// Time that has passed without anyone waiting for it.
  let passed = NIOLockedValueBox(Duration.zero)
  static let rotation = Duration.seconds(3600)

  init() async throws {
    server = try await RedisServer()
    directory = try TemporaryDirectory()
    certificates = try CertificateMaker.ensure(directory: directory.path, names: ["localhost"])
    try MasterKey.create(file: directory.path("master.keys"))
  }

  /// - Parameter masterKeys: the file to use instead of the common one.
  func acceptor(masterKeys: String? = nil) async throws -> Acceptor {
    let tls = try TLSContext.server(certificateFile: certificates.certificate, keyFile: certificates.key)
    let redis = try client()
    let log = Log()
    let keys = SharedTicketKeys(
      tls: tls, redis: redis, master: try MasterKey.load(file: masterKeys ?? directory.path("master.keys")),
      rotation: Self.rotation, logger: Logger(label: "test") { _ in log },
      timeShift: { [passed] in passed.withLockedValue { $0 } })
    return try await Acceptor(tls: tls, keys: keys, redis: redis, log: log)
  }

  func client() throws -> RedisClient {
    var configuration = RedisConfiguration()
    configuration.commandTimeout = .seconds(60)
    configuration.connectTimeout = .seconds(60)
    configuration.pauseMax = .milliseconds(100)
    return RedisClient(
      url: try RedisURL(server.url), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
  }

  func pass(_ rotations: Double) { passed.withLockedValue { $0 += Self.rotation * rotations } }

  /// Runs `openssl s_client` against an acceptor, with a session of before or into a file.
  /// - Returns: whether the session was resumed.
  func connect(to acceptor: Acceptor, version: String, _ options: [String]) async throws -> Bool {
    let result = try await run(
      "sh",
      [
        "-c", #"timeout 30 openssl s_client "$@" -ign_eof -nocommands </dev/null"#, "sh", "-connect",
        "127.0.0.1:\(acceptor.port)", "-servername", "localhost", version, "-CAfile", certificates.authorityCertificate,
        "-verify_return_error",
      ] + options)
    #expect(result.output.contains("goodbye"), "plaintext came through: \(result.output)")
    return result.output.contains("Reused, TLS")
  }
}

/// One acceptor's TLS: it says a word and leaves.
final class Acceptor: Sendable {
  let tls: TLSContext
  let keys: SharedTicketKeys
  let redis: RedisClient
  let log: Log
  private let channel: any Channel
  var port: Int { channel.localAddress?.port ?? 0 }

  init(tls: TLSContext, keys: SharedTicketKeys, redis: RedisClient, log: Log) async throws {
    (self.tls, self.keys, self.redis, self.log) = (tls, keys, redis, log)
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(TLSHandler(server: tls), Farewell())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    _ = await redis.waitUntilConnected(limit: .seconds(180))
    await keys.refresh()
  }

  /// Looks at Redis until what it sees is what the test waits for.
  func refresh(until isTrue: @escaping @Sendable () async -> Bool) async throws {
    try await eventually("the acceptor has seen Redis") { [self] in
      await keys.refresh()
      return await isTrue()
    }
  }

  deinit { channel.close(promise: nil) }

  private final class Farewell: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard event is TLSHandshakeCompleted else { return }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "goodbye\n")), promise: nil)
      context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  }
}

/// Keeps the log's messages.
struct Log: LogHandler {
  private let kept = NIOLockedValueBox<[String]>([])
  var messages: [String] { kept.withLockedValue { $0 } }
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { kept.withLockedValue { $0.append("\(event.message)") } }
}
