import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import TLS

struct Source: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Submits messages over some connections and counts the replies.",
    discussion: "Each connection has one transaction at a time, so the load is bounded by --connections.")

  @Option(help: "Host name of the node.")
  var host = "localhost"

  @Option(help: "Port of the node.")
  var port = 2465

  @Option(help: "implicit, starttls or none.")
  var tls = "implicit"

  @Option(
    help: "PEM file with the authority that the node's certificate must come from; without it nothing is verified.")
  var ca: String?

  @Option(help: "User name.")
  var user: String?

  @Option(name: .customLong("password-file"), help: "File with the password; otherwise SMTP_PASS of the environment.")
  var passwordFile: String?

  @Option(help: "Reverse-path; the user name if it is not given.")
  var from: String?

  @Option(help: "Recipient; may be given often. {n} becomes the message's number.")
  var to: [String] = []

  @Option(help: "Connections at once.")
  var connections = 10

  @Option(help: "Messages in all.")
  var messages = 100

  @Option(name: .customLong("per-connection"), help: "Messages before a connection is closed and opened again.")
  var perConnection = 100

  @Option(help: "Bytes of each message's body.")
  var size = 2_000

  @Option(help: "Subject of the messages.")
  var subject = "message"

  @Flag(help: "Print the reply to each message.")
  var showReplies = false

  @Option(help: "Longest wait for a reply, in seconds.")
  var timeout = 60

  func validate() throws {
    guard !to.isEmpty else { throw ValidationError("--to is missing") }
    guard ["implicit", "starttls", "none"].contains(tls) else { throw ValidationError("--tls: \(tls)") }
    guard connections > 0, messages > 0, perConnection > 0 else { throw ValidationError("counts begin at 1") }
  }

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let plan = try plan()
    let tally = SourceTally(total: messages)
    let clock = ContinuousClock()
    let start = clock.now
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<min(connections, messages) {
        tasks.addTask { await SourceRunner(plan: plan, tally: tally, group: group).run() }
      }
    }
    let seconds = max(0.001, (clock.now - start) / .seconds(1))
    try await group.shutdownGracefully()
    printLine(tally.report(seconds: seconds))
    guard tally.accepted == messages else { throw ExitCode.failure }
  }

  /// Lines of one letter, the same for all messages: made once, so that the node is the slower one.
  private var body: ByteBuffer {
    ByteBuffer(repeatingLine: String(repeating: "x", count: 70) + "\r\n", count: max(1, size / 72))
  }

  private func plan() throws -> SourcePlan {
    let password = try passwordFile.map { try String(contentsOfFile: $0, encoding: .utf8) }
    return SourcePlan(
      host: host, port: port, tls: tls, context: try TLSContext.client(trustedCertificatesFile: ca),
      verifies: ca != nil, user: user,
      password: (password ?? ProcessInfo.processInfo.environment["SMTP_PASS"] ?? "")
        .trimmingCharacters(in: .newlines),
      from: from ?? user ?? "source@localhost", recipients: to, perConnection: perConnection, body: body,
      subject: subject, showsReplies: showReplies,
      timeout: .seconds(Int64(timeout)))
  }
}

/// What each connection of a source does.
struct SourcePlan: Sendable {
  let host: String
  let port: Int
  let tls: String
  let context: TLSContext
  let verifies: Bool
  let user: String?
  let password: String
  let from: String
  let recipients: [String]
  let perConnection: Int
  let body: ByteBuffer
  let subject: String
  let showsReplies: Bool
  let timeout: TimeAmount
}

extension ByteBuffer {
  fileprivate init(repeatingLine line: String, count: Int) {
    self = ByteBufferAllocator().buffer(capacity: line.utf8.count * count)
    for _ in 0..<count { writeString(line) }
  }
}
