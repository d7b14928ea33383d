import Foundation
import MailTesting
import Supervision
import Testing

/// `postrider dev` as people start it, on ports of its own.
@Suite("Development node")
struct DevTests {
  private struct Place {
    let files: TemporaryDirectory
    let arguments: [String]

    init() throws {
      files = try TemporaryDirectory()
      let ports = Self.row(18)
      arguments = [
        "dev", "--directory", files.path("dev"), "--database-port", "\(ports[0])", "--redis-port", "\(ports[1])",
        "--dns-port", "\(ports[2])", "--clamd-port", "\(ports[6])", "--rspamd-port", "\(ports[7])", "--status-port",
        "\(ports[12])", "--set", "smtp.implicit_tls.listen=127.0.0.1:\(ports[3])",
        "--set",
        "smtp.starttls.listen=127.0.0.1:\(ports[4])", "--set", "delivery.port=\(ports[5])",
      ]
      mailboxes = [
        "--mailboxes", "--imap-port", "\(ports[8])", "--pop3-port", "\(ports[9])", "--lmtp-port", "\(ports[10])",
        "--set", "discovery.http.listen=127.0.0.1:\(ports[11])",
      ]
    }

    /// Free ports, one after the other; below those that the node chooses itself where it may.
    private static func row(_ count: Int) -> [Int] {
      while true {
        let first = Int.random(in: 10_000..<20_000 - count)
        let row = Array(first..<first + count)
        if row.allSatisfy({ LoopbackPort.isFree($0, at: "127.0.0.1") }) { return row }
      }
    }

    /// Ports for Dovecot, if it is wanted.
    let mailboxes: [String]

    func start(_ more: [String] = []) throws -> ProcessHarness { try ProcessHarness("postrider", arguments + more) }

    func pid(of name: String) throws -> Int32 {
      let text = try String(contentsOfFile: files.path("dev/run/\(name).pid"), encoding: .utf8)
      return try #require(Int32(text.split(separator: " ")[0]))
    }

    var pids: [Int32] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: files.path("dev/run"))) ?? []
      return names.compactMap { try? pid(of: String($0.dropLast(4))) }
    }

    var environment: [String: String] {
      get throws {
        let text = try String(contentsOfFile: files.path("dev/env.sh"), encoding: .utf8)
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
          let parts = line.dropFirst("export ".count).split(separator: "=", maxSplits: 1)
          return parts.count == 2 ? (String(parts[0]), parts[1].trimmingCharacters(in: ["'"])) : nil
        }
        return Dictionary(uniqueKeysWithValues: pairs)
      }
    }
  }

  @Test("--once sends a message all the way, shows its trace and stops everything")
  func once() async throws {
    let place = try Place()
    // Any free ports, for once.
    let result = try await run("postrider", place.arguments + ["--status-port", "0", "--once"])
    #expect(result.status.isSuccess, "\(result.output)")
    #expect(result.output.contains("the message went all the way"))
    #expect(result.output.contains("mx1.inbox.example"))
    #expect(place.pids.isEmpty)
    let kept = try FileManager.default.contentsOfDirectory(atPath: place.files.path("dev/sink"))
    #expect(kept.sorted() == ["000001.eml", "000001.json"])
  }

  @Test("with --mailboxes the sender reads a bounce over IMAP and POP3; without it reports go by MX again")
  func mailboxes() async throws {
    let place = try Place()
    let node = try place.start(place.mailboxes)
    try await node.waitForLine(containing: "The node runs")
    let environment = try place.environment
    let client = """
      import imaplib, os, poplib, smtplib, ssl, time
      e = os.environ
      context = ssl.create_default_context(cafile=e["SMTP_CAFILE"])
      with smtplib.SMTP(e["SMTP_HOST"], e["SMTP_STARTTLS_PORT"]) as smtp:
          smtp.starttls(context=context)
          smtp.login(e["SMTP_USER"], e["SMTP_PASS"])
          smtp.sendmail(e["SMTP_USER"], "nobody@inbox.example", "Subject: to nobody\\n\\nHello\\n")
      if "IMAP_PORT" in e:
          imap = imaplib.IMAP4_SSL("localhost", int(e["IMAP_PORT"]), ssl_context=context)
          imap.login(e["SMTP_USER"], e["SMTP_PASS"])
          while imap.select()[1] == [b"0"]: time.sleep(0.05)
          bounce = imap.fetch("1", "(RFC822)")[1][0][1]
          pop3 = poplib.POP3_SSL("localhost", int(e["POP3_PORT"]), context=context)
          pop3.user(e["SMTP_USER"])
          pop3.pass_(e["SMTP_PASS"])
          assert b"\\r\\n".join(pop3.retr(1)[1] + [b""]) == bounce
          print(bounce.decode())
      """
    let read = try await run("python3", ["-c", client], environment: environment)
    #expect(read.status.isSuccess && read.output.contains("550 5.1.1 no such user here"), "\(read.output)")
    #expect(node.output.contains("is IMAP and port"))

    // What mail programs are told are the ports that the client above has used.
    let discovery = try #require(environment["DISCOVERY_URL"])
    #expect(node.output.contains("\(discovery) tells mail programs so"))
    #expect(node.output.contains("/readyz (discovery-1)"))
    let told = try await run("curl", ["-sS", "\(discovery)/mail/config-v1.1.xml?emailaddress=app@demo.example"]).output
    let ports = ["SMTP_IMPLICIT_PORT", "SMTP_STARTTLS_PORT", "IMAP_PORT", "POP3_PORT"].map { environment[$0] ?? "" }
    #expect(
      ports.allSatisfy { told.contains("<port>\($0)</port>") && told.contains("<hostname>localhost</hostname>") },
      "\(told)")
    let profile = try await run(
      "curl", ["-sS", "\(discovery)/mail/account.mobileconfig?emailaddress=app@demo.example"])
    #expect(profile.output.contains("app@demo.example"), "signed, and readable all the same")
    #expect(try await node.terminate() == .exited(0))
    #expect(place.pids.isEmpty)

    let without = try place.start()
    try await without.waitForLine(containing: "The node runs")
    let later = try place.environment
    #expect(later["DISCOVERY_URL"] == nil && !without.output.contains("discovery-1"))
    #expect(later["IMAP_PORT"] == nil && later["SMTP_PASS"] == environment["SMTP_PASS"])
    #expect(try await run("python3", ["-c", client], environment: later).status.isSuccess)
    try await eventually("the report in the sink") {
      let names = try FileManager.default.contentsOfDirectory(atPath: place.files.path("dev/sink"))
      return names.contains { $0.hasSuffix(".eml") }
    }
    #expect(try await without.terminate() == .exited(0))
  }

  @Test("postgres-settings prints the private server's settings, and none that makes a COMMIT less durable")
  func postgresSettings() async throws {
    let result = try await run("postrider", ["dev", "postgres-settings"])
    #expect(result.status.isSuccess)
    let lines = result.output.split(separator: "\n")
    #expect(lines.map(String.init) == PrivatePostgres.recommendedSettings.map { "\($0.name) = '\($0.value)'" })
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
      #expect(!lines.contains { $0.hasPrefix("\(name) ") })
    }
  }

  @Test("killed without a goodbye it leaves nobody behind, and the next start goes on with the same data")
  func killed() async throws {
    let place = try Place()
    let first = try place.start()
    try await first.waitForLine(containing: "The node runs")
    let environment = try place.environment
    let processes = place.pids
    #expect(processes.count == 11)
    first.send(.kill)
    try await first.waitForExit()
    try await eventually("the end of its children") { processes.allSatisfy { !isAlive($0) } }

    let second = try place.start()
    try await second.waitForLine(containing: "The node runs")
    #expect(try place.environment == environment)
    let url = try #require(environment["DATABASE_URL"])
    #expect(try await psql("SELECT count(*) FROM postrider.tenant WHERE name = 'demo'", url: url) == "1")
    #expect(try await second.terminate() == .exited(0))
    #expect(place.pids.isEmpty)
  }

  @Test("a dead role comes back; a second node in the same place is refused; reset forgets")
  func lifecycle() async throws {
    let place = try Place()
    let node = try place.start()
    try await node.waitForLine(containing: "The node runs")
    let second = try await run("postrider", place.arguments)
    #expect(!second.status.isSuccess)
    #expect(second.output.contains("process \(node.processID)"))
    try await node.waitForLine(containing: "/readyz (acceptor-2)")
    let addresses = node.output.matches(of: /http:[^ ]*\/readyz/).map { String($0.0) }
    #expect(addresses.count == 5)
    for address in addresses {
      try await eventually("\(address) says ready") {
        try await run("curl", ["-sS", address]).output.hasPrefix("ready\n")
      }
    }
    let worker = try place.pid(of: "worker-1")
    kill(worker, SIGKILL)
    try await node.waitForLine(containing: "worker-1 was ended by SIGKILL")
    try await eventually("another worker") { ((try? place.pid(of: "worker-1")) ?? worker) != worker }
    #expect(try await node.terminate() == .exited(0))
    let reset = try await run("postrider", ["dev", "reset", "--directory", place.files.path("dev")])
    #expect(reset.status.isSuccess)
    #expect(!FileManager.default.fileExists(atPath: place.files.path("dev")))
  }

  @Test("an occupied port is named with its setting and its holder")
  func occupied() async throws {
    let place = try Place()
    let port = try #require(place.arguments.first { $0.hasPrefix("smtp.starttls") }?.split(separator: ":").last)
    let script = "import socket; s=socket.create_server(('127.0.0.1',\(port))); print('ready',flush=True); s.accept()"
    let holder = try ProcessHarness("python3", ["-c", script])
    try await holder.waitForLine(containing: "ready")
    let result = try await run("postrider", place.arguments + ["--once"])
    #expect(!result.status.isSuccess)
    #expect(result.output.contains("smtp.starttls.listen"))
    #expect(result.output.contains("(process \(holder.processID))"))
  }

  @Test("a port that is wanted twice is named with both settings")
  func twice() async throws {
    let place = try Place()
    let port = try #require(place.arguments.first { $0.hasPrefix("smtp.starttls") }?.split(separator: ":").last)
    let result = try await run("postrider", place.arguments + ["--set", "smtp.implicit_tls.listen=127.0.0.1:\(port)"])
    #expect(!result.status.isSuccess)
    let text = "port \(port) on 127.0.0.1 is used by smtp.implicit_tls.listen; choose another with --set smtp.starttls"
    #expect(result.output.contains(text), "\(result.output)")
  }
}

/// Neither gone nor a zombie.
private func isAlive(_ process: Int32) -> Bool {
  guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
  return !line[(line.lastIndex(of: ")") ?? line.startIndex)...].hasPrefix(") Z")
}
