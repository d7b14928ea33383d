import Foundation
import MailTesting
import Supervision

/// Python's smtplib as an independent client that a test can script.
extension RunningNode {
  /// What every program begins with: `connect`, `send` and `wait_for`.
  private var prelude: String {
    """
    import os, smtplib, ssl, sys, threading, time
    user, password, folder = "\(Self.user)", "\(Self.password)", "\(directory.path)"
    context = ssl.create_default_context(cafile="\(authority)")

    def connect(implicit=False, password=password):
        if implicit:
            server = smtplib.SMTP_SSL("localhost", \(implicitPort), context=context, timeout=120)
        else:
            server = smtplib.SMTP("localhost", \(startTLSPort), timeout=120)
            server.starttls(context=context)
        server.login(user, password)
        return server

    def send(server, recipients, content, options=(), sender=user):
        # One transaction; the reply to the final dot, or the first refusal.
        code, reply = server.mail(sender, list(options))
        for recipient in recipients:
            if code < 300: code, reply = server.rcpt(recipient)
        if code < 300: code, reply = server.data(content)
        return code, reply.decode()

    speaking = threading.Lock()

    def say(*words):
        # A line of its own, also when several threads speak at once.
        with speaking: print(*words, flush=True)

    def wait_for(name):
        while not os.path.exists(folder + "/" + name): time.sleep(0.005)


    """
  }

  /// Starts a program; it sees this node's `connect` and so on.
  func startPython(_ program: String) throws -> ProcessHarness {
    let file = directory.path("client-\(UInt32.random(in: 0...UInt32.max)).py")
    try (prelude + program).write(toFile: file, atomically: true, encoding: .utf8)
    return try ProcessHarness("python3", [file])
  }

  /// Runs a program to its end.
  /// - Returns: what it printed.
  func python(_ program: String, atMost limit: Duration = .seconds(180)) async throws -> String {
    let process = try startPython(program)
    let status: ExitStatus
    do {
      status = try await process.waitForExit(atMost: limit)
    } catch {
      throw NodeTrouble("\(error): \(process.output)")
    }
    guard status.isSuccess else { throw NodeTrouble("the client failed: \(process.output)") }
    return process.output
  }

  /// Lets a program that waits for `name` go on.
  func signal(_ name: String) throws { try directory.write("", to: name) }

  // MARK: What happened

  /// The outcomes so far, as `SELECT columns FROM postrider.outcome` has them.
  func outcomes(_ columns: String) async throws -> String {
    try await database.query("SELECT \(columns) FROM postrider.outcome ORDER BY recipient, at")
  }

  /// Waits until so many outcomes are there.
  func waitForOutcomes(_ count: Int) async throws {
    try await eventually("\(count) outcomes") { [database] in
      Int(try await database.query("SELECT count(*) FROM postrider.outcome")) ?? 0 >= count
    }
  }

  /// The sink's journal: a JSON object for each transaction and each session that has ended.
  func journal() throws -> [[String: Any]] {
    let text = (try? String(contentsOfFile: directory.path("journal"), encoding: .utf8)) ?? ""
    return try text.split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}

extension RunningNode.Captured {
  /// A field of the envelope.
  func field<T>(_ name: String, as type: T.Type = T.self) -> T? {
    let object = try? JSONSerialization.jsonObject(with: Data(envelope.utf8)) as? [String: Any]
    return object?[name] as? T
  }

  var recipients: [String] { field("rcpt_to") ?? [] }
  /// The address that the message was delivered at.
  var local: String { String((field("local", as: String.self) ?? "").split(separator: ":").first ?? "") }
}
