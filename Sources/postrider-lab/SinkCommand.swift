import ArgumentParser
import Foundation
import Logging
import NIOCore
import NIOPosix
import Observability
import Synchronization
import TLS

struct Sink: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes mail as a script tells, and keeps it.",
    discussion: """
      Each delivered message becomes <n>.eml and <n>.json (the envelope), complete before the client hears 250.
      Without a script everything is taken. The script's keys are described in docs/lab.md.
      """)

  @Option(help: "Address and port to listen on; may be given often.")
  var listen: [String] = []

  @Option(name: .customLong("listen-tls"), help: "The same, with TLS from the first byte.")
  var listenTLS: [String] = []

  @Option(help: "YAML file with hosts and rules.")
  var script: String?

  @Option(help: "Directory for messages; without it they are only counted.")
  var capture: String?

  @Option(help: "File that gets one JSON line per transaction and per session.")
  var journal: String?

  @Option(help: "PEM file with the certificate chain; with it STARTTLS is offered.")
  var certificate: String?

  @Option(help: "PEM file with the certificate's key.")
  var key: String?

  @Option(help: "Threads.")
  var threads = 1

  func validate() throws {
    guard !listen.isEmpty || !listenTLS.isEmpty else { throw ValidationError("--listen is missing") }
    guard (certificate == nil) == (key == nil) else { throw ValidationError("--certificate and --key go together") }
    guard listenTLS.isEmpty || certificate != nil else { throw ValidationError("--listen-tls needs --certificate") }
  }

  func run() async throws {
    let script = try self.script.map { try SinkScript.load(String(contentsOfFile: $0, encoding: .utf8)) }
    var tls: TLSContext?
    if let certificate, let key { tls = try TLSContext.server(certificateFile: certificate, keyFile: key) }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    let files = NIOThreadPool(numberOfThreads: 2)
    files.start()
    let book = script ?? SinkScript()
    let capture = try Capture(directory: capture, journal: journal)
    let counter = SessionCounter()
    let facts = SinkFacts(
      script: book, rules: RuleBook(book.rules), capture: capture, tls: tls, files: NIOThreadPoolBox(pool: files)
    ) { text in printLine(escaped(text)) }
    let server = SinkServer(group: group, facts: facts) {
      counter.next()
    }
    let channels = try await server.listen(plain: listen, implicit: listenTLS)
    printLine("sink ready on \((listen + listenTLS).joined(separator: " "))")
    await terminationSignal()
    for channel in channels { try? await channel.close() }
    try await files.shutdownGracefully()
    try await group.shutdownGracefully()
  }
}

/// Writes a line at once, also into a pipe.
func printLine(_ text: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}

/// Numbers sessions.
final class SessionCounter: Sendable {
  private let value = Mutex(0)

  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}
