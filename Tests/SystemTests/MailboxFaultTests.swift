import Foundation
import MailTesting
import Supervision
import Testing

/// What is lost between the end of a message and Dovecot's replies, which is one for each recipient.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MailboxFaultTests {
  /// Passes everything on between worker and Dovecot, but of the replies to the first message's end only so many; then it
  /// says so, and cuts the connection once it is told to. Later connections are left alone.
  private func proxy(_ node: RunningNode, from port: Int, to target: Int, repliesPassed: Int) throws -> ProcessHarness {
    try node.startPython(
      """
      import socket
      listener = socket.create_server(("127.0.0.1", \(port)))
      say("proxy ready")
      spent = threading.Event()

      def serve(client):
          server = socket.create_connection(("127.0.0.1", \(target)))
          ended = threading.Event()
          def forth():
              tail = b""
              while data := client.recv(65536):
                  tail = (tail + data)[-5:]
                  if tail == b"\\r\\n.\\r\\n": ended.set()
                  server.sendall(data)
              server.shutdown(socket.SHUT_WR)
          threading.Thread(target=forth, daemon=True).start()
          replies = b""
          while data := server.recv(65536):
              if ended.is_set() and not spent.is_set():
                  replies += data
                  lines = replies.splitlines(keepends=True)
                  if len(lines) < 2: continue
                  client.sendall(b"".join(lines[:\(repliesPassed)]))
                  spent.set()
                  say("withheld", len(lines) - \(repliesPassed))
                  wait_for("cut")
                  return client.shutdown(socket.SHUT_RDWR)
              client.sendall(data)
          client.close()

      while True:
          threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
      """)
  }

  private struct Place {
    let mailboxes: MailboxNode
    let proxy: ProcessHarness
    let acceptor: ProcessHarness
    let worker: ProcessHarness
    var node: RunningNode { mailboxes.node }

    func mails() async throws -> [Int] {
      let output = try await mailboxes.python(
        "say(len(wait_for_mail(1)), len(wait_for_mail(1, 'carol@sender.example')))")
      return output.split(separator: " ").compactMap { Int($0) }
    }
  }

  private func start(repliesPassed: Int, settings: String = "") async throws -> Place {
    let port = LoopbackPort.free()
    let mailboxes = try await MailboxNode(settings: settings, roles: [], lmtp: port)
    let proxy = try proxy(
      mailboxes.node, from: port, to: mailboxes.dovecot.ports.lmtp, repliesPassed: repliesPassed)
    try await proxy.waitForLine(containing: "proxy ready")
    try await mailboxes.addCredential("carol@sender.example")
    let (acceptor, worker) = (try await mailboxes.node.acceptor(), try await mailboxes.node.worker())
    try await mailboxes.node.send(to: ["alice@sender.example", "carol@sender.example"])
    try await proxy.waitForLine(containing: "withheld")
    return Place(mailboxes: mailboxes, proxy: proxy, acceptor: acceptor, worker: worker)
  }

  @Test func aWorkerThatDiesBeforeTheRepliesLosesNothing() async throws {
    let place = try await start(repliesPassed: 0, settings: RunningNode.shortLease)
    try await place.worker.kill()
    try place.node.signal("cut")
    let others = [try await place.node.worker(), try await place.node.keeper()]
    try await place.node.waitUntilEmpty()
    #expect(try await place.mails() == [2, 2], "Dovecot had it, and nobody knew")
    #expect(try await place.node.outcomes("recipient, kind") == "1|0\n2|0")
    withExtendedLifetime(others) {}
  }

  @Test func whoHasHadAReplyKeepsIt() async throws {
    let place = try await start(repliesPassed: 1)
    try place.node.signal("cut")
    try await place.node.waitForOutcomes(2)
    let outcomes = try await place.node.outcomes("recipient, kind, stage, failure")
    #expect(outcomes == "1|0|9|\n2|1|9|connection", "one is delivered, one is not known to be")
    try await place.node.advance("2 hours")
    try await place.node.waitUntilEmpty()
    #expect(try await place.mails() == [1, 2], "only the one without a reply has it twice")
  }
}
