import Foundation
import MailTesting
import Supervision
import Testing

/// A node with a Dovecot that keeps the mailboxes of sender.example.
struct MailboxNode: Sendable {
  let node: RunningNode
  let dovecot: DovecotServer
  let roles: [ProcessHarness]
  private let secrets: TemporaryDirectory

  static let deadAddresses = "rules:\n  - {stage: rcpt, match: 'nobody@*', reply: '550 5.1.1 no such user here'}\n"

  /// - Parameters:
  ///   - lmtp: what the node is to use instead of Dovecot's port, without TLS: something that reads along.
  ///   - asksAboutLogins: whether Dovecot asks the acceptors.
  ///   - roles: those to start.
  ///   - zones: more of the DNS.
  init(
    quota: String = "1G", settings: String = "", roles: [String] = ["acceptor", "worker", "keeper"],
    lmtp: Int? = nil, asksAboutLogins: Bool = false, zones: [String: String] = [:]
  ) async throws {
    // Dovecot's port must be known before the node has settings, and its certificate is the node's.
    let port = LoopbackPort.free()
    let policy = (port: LoopbackPort.free(), key: "a-key-of-\(UInt64.random(in: .min ... .max))")
    secrets = try TemporaryDirectory()
    let keyFile = secrets.path("policy.key")
    try PrivateDirectory.write(policy.key + "\n", to: keyFile, owner: nil)
    node = try await RunningNode(
      script: Self.deadAddresses, zones: zones,
      settings: """
        mailboxes:
          lmtp: "127.0.0.1:\(lmtp ?? port)"
          tls: \(lmtp == nil ? "opportunistic" : "none")
          \(asksAboutLogins ? "policy: {listen: [\"127.0.0.1:\(policy.port)\"], key_file: \(keyFile)}" : "")
        \(settings)
        """)
    dovecot = try await DovecotServer(
      node.database, certificate: node.directory.path("tls/server.pem"), key: node.directory.path("tls/server.key"),
      lmtp: port, quota: quota, policy: asksAboutLogins ? policy : nil)
    for command in [
      ["database", "grant", "--role", "mailboxes", dovecot.role], ["domain", "mailboxes", "sender.example", "here"],
    ] {
      let result = try await node.command(command)
      guard result.status.isSuccess else { throw NodeTrouble(result.output) }
    }
    try await dovecot.start()
    var started: [ProcessHarness] = []
    for role in roles {
      switch role {
      case "acceptor": started.append(try await node.acceptor())
      case "worker": started.append(try await node.worker())
      default: started.append(try await node.keeper())
      }
    }
    self.roles = started
  }

  /// Gives the tenant another credential, with the password that all have.
  func addCredential(_ name: String) async throws {
    let file = try node.directory.write(RunningNode.password + "\n", to: "password")
    let result = try await node.command(["credential", "add", "first", name, "--password-file", file])
    guard result.status.isSuccess else { throw NodeTrouble(result.output) }
  }

  /// Python with `imap(user, password)` and `pop3(user, password)`, which log in, from an address of their own each time:
  /// Dovecot slows down whoever has failed; or from `place.address`. `inbox(user)` gives the messages that IMAP and POP3 show, as bytes.
  func python(_ program: String) async throws -> String {
    try await node.python(
      """
      import imaplib, poplib, socket, itertools
      numbers, numbering, place = itertools.count(1), threading.Lock(), threading.local()
      def reach(port):
          with numbering: number = next(numbers)
          source = getattr(place, "address", "127.1.%d.%d" % (number // 250, number % 250 + 1))
          return socket.create_connection(("127.0.0.1", port), 60, source_address=(source, 0))

      class IMAP(imaplib.IMAP4_SSL):
          def _create_socket(self, timeout): return context.wrap_socket(reach(self.port), server_hostname="localhost")

      class POP3(poplib.POP3_SSL):
          def _create_socket(self, timeout): return context.wrap_socket(reach(self.port), server_hostname="localhost")

      def imap(name=user, secret=password):
          client = IMAP("localhost", \(dovecot.ports.imap), ssl_context=context)
          # Python quotes the password only.
          client.login(client._quote(name), secret)
          return client

      def pop3(name=user, secret=password):
          client = POP3("localhost", \(dovecot.ports.pop3), context=context)
          client.user(name)
          client.pass_(secret)
          return client

      def inbox(name=user, secret=password):
          while (seen := both(name, secret)) is None: pass
          return seen

      def both(name, secret):
          # None: something has come in between.
          client = imap(name, secret)
          count = int(client.select("INBOX", readonly=True)[1][0])
          seen = [client.fetch(str(n), "(BODY.PEEK[])")[1][0][1] for n in range(1, count + 1)]
          client.logout()
          client = pop3(name, secret)
          found = client.stat()[0]
          same = [b"".join(line + b"\\r\\n" for line in client.retr(n)[1]) for n in range(1, count + 1)]
          client.quit()
          assert found >= count and same == seen, (found, seen, same)
          return seen if found == count else None

      def wait_for_mail(count, name=user):
          while len(mails := inbox(name)) < count: time.sleep(0.05)
          return mails

      \(program)
      """)
  }

  /// The tries of which neither IMAP nor POP3 would hear: each a name and a password in Python.
  func refused(_ tries: [String]) async throws -> Set<String> {
    let output = try await python(
      """
      tries = [\(tries.joined(separator: ", "))]
      answers = {}
      def attempt(number, words, enter, failures):
          try:
              enter(*words)
              answers[number, enter] = "in"
          except failures as failure:
              answers[number, enter] = "out" if "uthentication failed" in str(failure) else str(failure)
      threads = [
          threading.Thread(target=attempt, args=(number, words, *how)) for number, words in enumerate(tries)
          for how in ((imap, imaplib.IMAP4.error), (pop3, poplib.error_proto))]
      for thread in threads: thread.start()
      for thread in threads: thread.join()
      for number in range(len(tries)): say("try", number, answers[number, imap], answers[number, pop3])
      """)
    var refused: Set<String> = []
    for (number, attempt) in tries.enumerated() {
      if output.contains("try \(number) out out") {
        refused.insert(attempt)
      } else if !output.contains("try \(number) in in") {
        throw NodeTrouble("\(attempt): \(output)")
      }
    }
    return refused
  }
}
