import Cryptography
import Foundation
import Limits
import Logging
import MailModel
import MailTesting
import NIOCore
import NIOPosix
import Redis
import Supervision
import Testing

@testable import LoginPolicy

/// A service on a free port of loopback that counts in a Redis, asked by curl as Dovecot asks.
private struct RunningPolicy {
  static let key = "a-secret-of-some-length"
  let directory: TemporaryDirectory
  let service: LoginPolicyService
  let logins: FailedLogins
  let redis: RedisClient
  let port: Int

  init(_ server: RedisServer, key: String? = key, _ change: (inout PolicyConfiguration) -> Void = { _ in }) async throws
  {
    directory = try TemporaryDirectory()
    try MasterKey.create(file: directory.path("master.keys"))
    var forLimits = RedisConfiguration.forLimits(timeout: .seconds(60))
    forLimits.pauseMax = .milliseconds(100)
    redis = RedisClient(
      url: try RedisURL(server.url), configuration: forLimits, group: MultiThreadedEventLoopGroup.singleton)
    _ = await redis.waitUntilConnected(limit: .seconds(180))
    logins = FailedLogins(
      rules: FailedLoginRules(
        address: Rates("5/hour") ?? Rates(), account: Rates("4/hour") ?? Rates(), knownFor: .seconds(3600)),
      redis: redis, master: try MasterKey.load(file: directory.path("master.keys")), share: 0.5,
      absence: RedisAbsence(logger: Logger(label: "test")))
    var configuration = PolicyConfiguration(
      listeners: [.init(address: "127.0.0.1", port: 0)], key: key.map { PolicyKey(Array($0.utf8)) })
    change(&configuration)
    service = LoginPolicyService(
      configuration: configuration,
      decisions: LoginDecisions(logins: logins) { $0.lowercased() }, group: MultiThreadedEventLoopGroup.singleton,
      logger: Logger(label: "test"))
    port = try await service.start()[0].port ?? 0
  }

  func curl(_ more: [String], target: String = "/?command=allow") async throws -> (code: Int, body: String) {
    let result = try await run(
      "curl",
      ["--silent", "--show-error", "--max-time", "120", "--write-out", "\n%{http_code}\n"] + more
        + ["http://127.0.0.1:\(port)\(target)"])
    let lines = result.output.split(separator: "\n")
    return (lines.last.flatMap { Int($0) } ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  func ask(
    _ login: String, from remote: String, hash: String = "0", more: String = "", command: String = "allow"
  ) async throws -> String {
    let body = #"{"login":"\#(login)","pwhash":"\#(hash)","remote":"\#(remote)"\#(more)}"#
    let answer = try await curl(
      ["--header", "X-API-Key: \(Self.key)", "--header", "Content-Type: application/json", "--data-binary", body],
      target: "/?command=\(command)")
    #expect(answer.code == 200)
    return answer.body
  }

  func report(_ isRight: Bool, _ login: String, from remote: String, hash: String = "0", isRefused: Bool = false)
    async throws
  {
    _ = try await ask(
      login, from: remote, hash: hash, more: #","success":\#(isRight),"policy_reject":\#(isRefused)"#, command: "report"
    )
  }

  func end() async {
    await service.drain()
    await redis.shutdown()
  }
}

@Suite(.timeLimit(.minutes(10))) struct PolicyServiceTests {
  private static let open = #"{"status":0,"msg":""}"#

  @Test func itCountsWithLoginsOverSMTP() async throws {
    let server = try await RedisServer()
    let policy = try await RunningPolicy(server)
    try await policy.report(true, "bob@example.com", from: "198.51.100.7")
    for _ in 0..<10 { try await policy.report(false, "Bob@example.com", from: "192.0.2.1", hash: "old") }
    for _ in 0..<10 { try await policy.report(false, "bob@example.com", from: "192.0.2.9", hash: "z", isRefused: true) }
    for guess in 0..<3 {
      #expect(try await policy.ask("bob@example.com", from: "192.0.2.2") == Self.open, "guess \(guess)")
      try await policy.report(false, "bob@example.com", from: "192.0.2.\(guess)", hash: "\(guess)")
    }
    let refusal = try await policy.ask("bob@example.com", from: "192.0.2.77")
    #expect(refusal.hasPrefix(#"{"status":-1,"msg":"Too many failed logins for this account; try again in 3"#))
    #expect(try await policy.ask("bob@example.com", from: "198.51.100.7") == Self.open, "he is known there")
    #expect(try await policy.ask("carol@example.com", from: "192.0.2.77") == Self.open)
    // The same counts over SMTP.
    func lock(_ address: String) async -> LoginLock? {
      await policy.logins.lock(
        on: policy.logins.trial(account: "bob@example.com", address: address, password: Array("x".utf8)))
    }
    #expect(await lock("192.0.2.78") != nil)
    #expect(await lock("198.51.100.7") == nil)
    await policy.end()
  }

  @Test func anAddressIsALimitOfItsOwnAndItsSpellingSaysNothing() async throws {
    let server = try await RedisServer()
    let policy = try await RunningPolicy(server)
    for guess in 0..<5 { try await policy.report(false, "\(guess)@example.com", from: "2001:db8::\(guess + 1)") }
    let refusal = try await policy.ask("bob@example.com", from: "2001:db8::ffff:1")
    #expect(refusal.contains("from your address"))
    #expect(try await policy.ask("bob@example.com", from: "2001:db8:0:1::1") == Self.open)
    // No address: they all are one.
    for guess in 0..<5 { try await policy.report(false, "\(guess)@example.com", from: ["", "x", "1"][guess % 3]) }
    #expect(try await policy.ask("bob@example.com", from: "localhost").contains("from your address"))
    await policy.end()
  }

  @Test func whoHasNoKeyIsNotHeard() async throws {
    let server = try await RedisServer()
    let policy = try await RunningPolicy(server)
    let body = ["--data-binary", #"{"login":"bob","pwhash":"0","remote":"192.0.2.1","success":true}"#]
    for header in [
      "X-API-Key: wrong", "X-API-Key:", "Authorization: Bearer \(RunningPolicy.key)",
      "X-API-Key: \(RunningPolicy.key)x",
    ] {
      #expect(try await policy.curl(["--header", header] + body, target: "/?command=report").code == 401, "\(header)")
    }
    let twice = ["--header", "X-API-Key: x", "--header", "X-API-Key: \(RunningPolicy.key)"]
    #expect(try await policy.curl(twice + body).code == 401)
    #expect(try await server.command("DBSIZE") == "0")
    await policy.end()
    let open = try await RunningPolicy(server, key: nil)
    #expect(try await open.curl(body).code == 200)
    await open.end()
  }

  @Test func whatIsNoQuestionIsRefused() async throws {
    let server = try await RedisServer()
    let policy = try await RunningPolicy(server)
    let key = ["--header", "X-API-Key: \(RunningPolicy.key)"]
    #expect(try await policy.curl(key).code == 405)
    #expect(try await policy.curl(key + ["--data-binary", "{}"]).code == 400)
    #expect(try await policy.curl(key + ["--data-binary", "{}"], target: "/").code == 404)
    #expect(try await policy.curl(key + ["--data-binary", "{}"], target: "/?command=drop").code == 404)
    let large = try policy.directory.write(String(repeating: "x", count: PolicyQuestion.sizeMax + 1), to: "large")
    #expect(try await policy.curl(key + ["--data-binary", "@\(large)"]).code == 413)
    let chunks = ["--header", "Transfer-Encoding: chunked"]
    #expect(try await policy.curl(key + chunks + ["--data-binary", "@\(large)"]).code == 413)
    let long = ["--header", "X-Long: \(String(repeating: "y", count: 20_000))"]
    #expect(try await policy.curl(key + long + ["--data-binary", "{}"]).code != 200)
    // And after all of it the service is there.
    #expect(try await policy.ask("bob@example.com", from: "192.0.2.1") == Self.open)
    await policy.end()
  }

  @Test func whoeverIsSlowOrOneTooManyIsClosed() async throws {
    let server = try await RedisServer()
    let policy = try await RunningPolicy(server) {
      $0.requestTimeout = .milliseconds(300)
      $0.connectionsMax = 2
    }
    let program = """
      import socket, sys
      def opened():
          connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
          connection.sendall(b"POST /?command=allow HTTP/1.1\\r\\nX-API-Key: \(RunningPolicy.key)\\r\\nContent-Length: 9\\r\\n\\r\\n{")
          return connection
      # Both that fit are closed at their deadline, and whatever comes beyond them at once; none is answered.
      print([one.recv(10) for one in [opened() for _ in range(4)]])
      """
    let result = try await run("python3", ["-c", program, "\(policy.port)"])
    #expect(
      result.output == "[b'', b'', b'', b'']" || result.output.contains("ConnectionResetError"), "\(result.output)")
    try await eventually("there is room again") {
      try await policy.curl(["--header", "X-API-Key: x"]).code == 401
    }
    await policy.end()
  }

  @Test func theKeyIsTheOnlyLineOfAFileOfItsOwn() throws {
    let directory = try TemporaryDirectory()
    func key(_ text: String, mode: Int = 0o600) throws -> PolicyKey {
      let file = try directory.write(text, to: "key-\(UInt32.random(in: 0...UInt32.max))")
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
      return try PolicyKey.load(file: file)
    }
    let made = try key("0123456789abcdef\n")
    #expect(made.opens("0123456789abcdef") && !made.opens("0123456789abcdeF") && !made.opens(""))
    for text in [
      "", "\n", "short\n", "0123456789abcdef\n0123456789abcdef\n", "0123456789 abcdef\n", "0123456789abcdéf\n",
    ] {
      #expect(throws: CryptographyFailure.self, "\(text)") { try key(text) }
    }
    #expect(throws: CryptographyFailure.self) { try key("0123456789abcdef\n", mode: 0o644) }
  }
}
