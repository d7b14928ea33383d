import Cryptography
import DNS
import Foundation
import Logging
import MailTesting
import NIOCore
import NIOPosix
import NodeMetrics
import Supervision
import TLS
import Testing

@testable import Discovery

/// A service on free ports of loopback, plain and with TLS.
final class RunningDiscovery: Sendable {
  let directory: TemporaryDirectory
  let files: CertificateMaker.Files
  let service: DiscoveryService
  let plainPort: Int
  let securePort: Int
  private let threads = NIOThreadPool(numberOfThreads: 1)

  /// - Parameter others: names that have certificates of their own.
  init(others: [String] = [], _ change: (inout DiscoveryConfiguration) -> Void = { _ in }) async throws {
    directory = try TemporaryDirectory()
    files = try CertificateMaker.ensure(directory: directory.path, names: ["localhost", "127.0.0.1"])
    let place = directory.path("others")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for name in others {
      try CertificateMaker.makeServerCertificate(
        names: [name], authorityCertificateFile: files.authorityCertificate, authorityKeyFile: files.authorityKey,
        certificateFile: "\(place)/\(name).pem", keyFile: "\(place)/\(name).key")
    }
    let certificates = CertificateDirectory(place)
    var configuration = DiscoveryConfiguration(listeners: [
      .init(address: "127.0.0.1", port: 0, isSecure: false), .init(address: "127.0.0.1", port: 0, isSecure: true),
    ])
    change(&configuration)
    threads.start()
    service = DiscoveryService(
      configuration: configuration, services: Fixture.services,
      tls: try TLSContext.server(certificateFile: files.certificate, keyFile: files.key, others: certificates),
      certificateFiles: [files.certificate, files.key], certificates: certificates,
      signer: ContentSigner(certificateFile: files.certificate, keyFile: files.key),
      group: MultiThreadedEventLoopGroup.singleton, threads: threads, logger: Logger(label: "test"))
    let addresses = try await service.start()
    (plainPort, securePort) = (addresses[0].port ?? 0, addresses[1].port ?? 0)
  }

  /// Asks with curl. The answer's status is in the last line.
  func curl(_ target: String, secure: Bool = false, _ more: [String] = []) async throws -> (
    exit: Supervision.ExitStatus, body: String, code: Int
  ) {
    let base = secure ? "https://localhost:\(securePort)" : "http://127.0.0.1:\(plainPort)"
    let file = directory.path("answer-\(UInt32.random(in: 0...UInt32.max))")
    let result = try await run(
      "curl",
      ["--silent", "--show-error", "--max-time", "60", "--cacert", files.authorityCertificate, "--output", file]
        + ["--write-out", "\n%{http_code}\n"] + more + [base + target])
    let body = (try? Data(contentsOf: URL(fileURLWithPath: file))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let code = result.output.split(separator: "\n").compactMap { Int($0) }.last ?? 0
    return (result.status, body, code)
  }

  func end() async throws {
    await service.drain()
    try await threads.shutdownGracefully()
  }
}

/// Over sockets, asked by curl and openssl.
@Suite(.timeLimit(.minutes(5))) struct ServiceTests {
  private let config = "/mail/config-v1.1.xml?emailaddress=a@customer.example"

  @Test(arguments: [false, true])
  func curlGetsTheAnswer(secure: Bool) async throws {
    let discovery = try await RunningDiscovery()
    let answer = try await discovery.curl(config, secure: secure)
    #expect(answer.code == 200 && answer.body.contains("<hostname>smtp.node.example</hostname>"))
    let head = try await discovery.curl(config, secure: secure, ["--head"])
    #expect(head.code == 200)
    try await discovery.end()
  }

  @Test func eachNameHasItsCertificate() async throws {
    let names = ["autoconfig.customer.example", "autodiscover.customer.example"]
    let discovery = try await RunningDiscovery(others: names)
    let port = discovery.securePort
    for name in names + ["localhost"] {
      let answer = try await run(
        "curl",
        [
          "--silent", "--show-error", "--max-time", "60", "--cacert", discovery.files.authorityCertificate, "--resolve",
          "\(name):\(port):127.0.0.1", "https://\(name):\(port)\(config)",
        ])
      #expect(answer.status.isSuccess && answer.output.contains("smtp.node.example"), "\(name): \(answer.output)")
    }
    let stranger = try await run(
      "curl",
      [
        "--silent", "--show-error", "--max-time", "60", "--cacert", discovery.files.authorityCertificate, "--resolve",
        "other.example:\(port):127.0.0.1", "https://other.example:\(port)\(config)",
      ])
    #expect(!stranger.status.isSuccess && stranger.output.contains("other.example"), "\(stranger.output)")
    try await discovery.end()
  }

  @Test func aClientWithAnotherAuthorityDoesNotBelieveIt() async throws {
    let discovery = try await RunningDiscovery()
    let other = try TemporaryDirectory()
    let files = try CertificateMaker.ensure(directory: other.path, names: ["localhost"])
    let answer = try await discovery.curl(config, secure: true, ["--cacert", files.authorityCertificate])
    #expect(answer.exit == .exited(60), "curl's code for a certificate that it does not trust")
    try await discovery.end()
  }

  @Test func severalRequestsShareAConnection() async throws {
    let discovery = try await RunningDiscovery()
    let url = "https://localhost:\(discovery.securePort)\(config)"
    let result = try await run(
      "curl", ["--silent", "--verbose", "--cacert", discovery.files.authorityCertificate, url, url, url])
    #expect(result.status.isSuccess)
    #expect(result.output.components(separatedBy: "</clientConfig>").count == 4)
    #expect(result.output.contains("Re-using existing connection"), "\(result.output)")
    try await discovery.end()
  }

  @Test func whatIsTooLargeIsRefused() async throws {
    let discovery = try await RunningDiscovery { $0.requestSizeMax = 1000 }
    let file = try discovery.directory.write(String(repeating: "x", count: 1001), to: "large")
    let answer = try await discovery.curl("/autodiscover/autodiscover.xml", ["--data-binary", "@\(file)"])
    #expect(answer.code == 413)
    let chunked = try await discovery.curl(
      "/autodiscover/autodiscover.xml", ["--data-binary", "@\(file)", "--header", "Transfer-Encoding: chunked"])
    #expect(chunked.code == 413)
    let header = try await discovery.curl(config, ["--header", "X-Long: \(String(repeating: "y", count: 100_000))"])
    #expect(header.code != 200)
    let many = (0..<20).flatMap { ["--header", "X-\($0): \(String(repeating: "y", count: 4_000))"] }
    #expect(try await discovery.curl(config, many).code == 400)
    try await discovery.end()
  }

  /// The decoder stops after these, and would keep whatever is sent behind them.
  @Test(arguments: [
    "CONNECT a.example:1 HTTP/1.1\r\nHost: a.example",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c",
  ])
  func nobodyIsListenedToBehindAnotherProtocol(head: String) async throws {
    let discovery = try await RunningDiscovery { $0.requestTimeout = .seconds(300) }
    let program = """
      import socket, sys
      connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
      connection.sendall(sys.argv[2].encode() + b"\\r\\n\\r\\n")
      heard = b""
      while part := connection.recv(65536): heard += part
      print(heard.split()[1].decode(), b"close" in heard)
      """
    let result = try await run("python3", ["-c", program, "\(discovery.plainPort)", head])
    #expect(["404 True", "405 True"].contains(result.output), "\(result.output)")
    try await discovery.end()
  }

  @Test func profilesComeOverTLS() async throws {
    let discovery = try await RunningDiscovery()
    let profile = "/mail/account.mobileconfig?emailaddress=a@customer.example"
    let answer = try await discovery.curl(profile)
    #expect(answer.code == 302 && answer.body.contains("https://discovery.node.example\(profile)"))
    #expect(try await discovery.curl(profile, secure: true).code == 200)
    try await discovery.end()
    // A load balancer has taken off the TLS, or so it says.
    let behind = try await RunningDiscovery { $0.proxies = [CIDR("127.0.0.1")].compactMap(\.self) }
    #expect(try await behind.curl(profile).code == 200)
    try await behind.end()
  }

  @Test func whoeverAsksTooOftenIsPutOff() async throws {
    let discovery = try await RunningDiscovery {
      $0.requestsMax = 2
      $0.proxies = [CIDR("127.0.0.1")].compactMap(\.self)
    }
    func ask(_ client: String) async throws -> Int {
      try await discovery.curl(config, ["--header", "X-Forwarded-For: 203.0.113.9, \(client)"]).code
    }
    #expect(try await ask("192.0.2.1") == 200)
    #expect(try await ask("192.0.2.1") == 200)
    #expect(try await ask("192.0.2.1") == 429)
    // Another client behind the same load balancer is not.
    #expect(try await ask("192.0.2.2") == 200)
    // With a port, as some write it.
    #expect(try await ask("192.0.2.2:51234") == 200)
    #expect(try await ask("[192.0.2.2]:51234") == 429)
    // A load balancer that does not say for whom it asks is not put off for all of them.
    for _ in 0..<3 { #expect(try await discovery.curl(config).code == 200) }
    // One /64 is one client.
    #expect(try await ask("2001:db8::1") == 200)
    #expect(try await ask("2001:db8::2") == 200)
    #expect(try await ask("2001:db8::3") == 429)
    try await discovery.end()
  }

  @Test func aStrangersWordAboutHisAddressCountsForNothing() async throws {
    let discovery = try await RunningDiscovery { $0.requestsMax = 1 }
    #expect(try await discovery.curl(config, ["--header", "X-Forwarded-For: 192.0.2.1"]).code == 200)
    #expect(try await discovery.curl(config, ["--header", "X-Forwarded-For: 192.0.2.2"]).code == 429)
    try await discovery.end()
  }

  /// Whoever says nothing, or never ends what he says, is let go; others are served meanwhile.
  @Test func slowClientsAreLetGo() async throws {
    let discovery = try await RunningDiscovery {
      $0.requestTimeout = .seconds(3)
      $0.connectionsPerClientMax = 3
    }
    let program = """
      import socket, sys
      def opened(port, first):
          connection = socket.create_connection(("127.0.0.1", port), timeout=60)
          connection.sendall(first)
          return connection
      plain, secure = int(sys.argv[1]), int(sys.argv[2])
      slow = [opened(plain, b""), opened(plain, b"GET /mail/config-v1.1.xml HTTP/1.1\\r\\nHost: a"), opened(secure, b"")]
      print("fourth", opened(plain, b"").recv(1) == b"")
      print("ended", all(connection.recv(1) == b"" for connection in slow))
      """
    let result = try await run("python3", ["-c", program, "\(discovery.plainPort)", "\(discovery.securePort)"])
    #expect(result.output == "fourth True\nended True", "\(result.output)")
    #expect(try await discovery.curl(config).code == 200)
    try await discovery.end()
  }

  @Test func drainEndsIdleConnections() async throws {
    let discovery = try await RunningDiscovery { $0.requestTimeout = .seconds(300) }
    let program = """
      import socket, sys
      idle = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
      print("connected", flush=True)
      print("ended", idle.recv(1) == b"", flush=True)
      """
    let client = try ProcessHarness("python3", ["-c", program, "\(discovery.plainPort)"])
    try await client.waitForLine(containing: "connected")
    #expect(try await discovery.curl(config).code == 200)
    try await discovery.end()
    try await client.waitForLine(containing: "ended True")
  }
}
