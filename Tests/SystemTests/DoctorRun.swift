import Foundation
import MailTesting
import Supervision

/// What `postrider doctor --as-client` said.
struct DoctorRun: Sendable {
  let status: ExitStatus
  let output: String

  /// Names that lead to the node: one that its certificate covers, one that it does not.
  static let zones = ["smart.example": "@ A 127.0.0.1\n", "other.example": "@ A 127.0.0.1\n"]

  /// Runs it with nothing in its environment but what is given.
  static func run(_ arguments: [String], password: String? = nil) async throws -> DoctorRun {
    let environment = password.map { ["SMTP_PASSWORD": $0] } ?? [:]
    let run = try await MailTesting.run(
      ProcessHarness.productsDirectory + "/postrider", ["doctor"] + arguments, environment: environment)
    return DoctorRun(status: run.status, output: run.output)
  }

  private var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// Whether a check went well and says this.
  func said(_ check: String, _ words: String) -> Bool {
    lines.contains { $0.hasPrefix("ok") && $0.contains(" \(check) ") && $0.contains(words) }
  }

  /// Whether a check failed, says this, and what to do.
  func failed(_ check: String, _ words: String, _ advice: String) -> Bool { told("failed", check, words, advice) }

  /// The same for a warning.
  func warned(_ check: String, _ words: String, _ advice: String) -> Bool { told("warning", check, words, advice) }

  private func told(_ status: String, _ check: String, _ words: String, _ advice: String) -> Bool {
    zip(lines, lines.dropFirst()).contains { line, next in
      line.hasPrefix(status) && line.contains(" \(check) ") && line.contains(words) && next.contains("→ ")
        && (advice.isEmpty || next.contains(advice))
    }
  }
}

extension RunningNode {
  /// What the command is given for this node.
  /// - Parameter authority: nil: trust whom the machine trusts.
  func doctorArguments(
    _ host: String = "smart.example", user: String, authority: Bool = true, _ arguments: [String] = []
  ) -> [String] {
    // An option that is given twice has its last value.
    ["doctor", "--as-client", host, "--user", user, "--set", "dns.servers=\(names.address)"]
      + (authority ? ["--ca-file", self.authority] : [])
      + (arguments.contains("--tls-port") ? [] : ["--tls-port", "\(implicitPort)"])
      + (arguments.contains("--starttls-port") ? [] : ["--starttls-port", "\(startTLSPort)"]) + arguments
  }

  func doctor(
    _ host: String = "smart.example", user: String, password: String = RunningNode.password,
    authority: String? = "the node's", _ arguments: [String] = []
  ) async throws -> DoctorRun {
    let all = doctorArguments(host, user: user, authority: authority != nil, arguments)
    return try await DoctorRun.run(Array(all.dropFirst()), password: password)
  }
}

/// Passes everything on, and takes STARTTLS out of what the server offers, as some firewalls do.
final class StrippingRelay: Sendable {
  let port: Int
  private let process: ProcessHarness

  init(to target: Int) async throws {
    port = LoopbackPort.free()
    process = try ProcessHarness(
      "python3",
      [
        "-c",
        """
        import socket, threading
        def carry(source, sink, change):
            try:
                while data := source.recv(65536): sink.sendall(change(data))
                sink.shutdown(socket.SHUT_WR)
            except OSError: pass
        listener = socket.create_server(("127.0.0.1", \(port)))
        while True:
            client = listener.accept()[0]
            server = socket.create_connection(("127.0.0.1", \(target)))
            strip = lambda data: data.replace(b"STARTTLS", b"XXXXXXXX")
            threading.Thread(target=carry, args=(server, client, strip), daemon=True).start()
            threading.Thread(target=carry, args=(client, server, bytes), daemon=True).start()
        """,
      ])
    try await process.waitForPort(port)
  }
}

/// Takes connections and says nothing; or, when it is full, does not even take them, like a firewall that drops what comes.
final class SilentServer: Sendable {
  let port: Int
  private let process: ProcessHarness

  init(isFull: Bool = false) async throws {
    port = LoopbackPort.free()
    process = try ProcessHarness(
      "python3",
      [
        "-c",
        """
        import socket, time
        listener = socket.socket()
        listener.bind(("127.0.0.1", \(port)))
        listener.listen(0 if \(isFull ? "True" : "False") else 100)
        waiting = []
        # Whoever waits to be taken fills the line; the next one is not answered.
        while \(isFull ? "len(waiting) < 3" : "False"):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", \(port)))
            waiting.append(one)
        print("listening", flush=True)
        while True: time.sleep(60)
        """,
      ])
    try await process.waitForLine(containing: "listening")
  }
}
