import Foundation
import MailTesting
import Supervision
import Testing

/// Wrong passwords over IMAP and POP3, counted together with those over SMTP: a real Dovecot asks real acceptors.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MailboxLoginTests {
  private static let limits = "failed_logins: {account: 7/hour, address: 100/hour}, redis_timeout: 10s"
  /// What a login ends with, from an address of its own unless one is given; several at the same time.
  private static let attempts = """
    home = "127.9.9.9"
    def attempt(enter, secret, address=None, name=user):
        if address: place.address = address
        try:
            enter(name, secret)
            return "in"
        except (imaplib.IMAP4.error, poplib.error_proto) as failure:
            words = str(failure)
            return "refused" if "Too many failed logins for this account" in words else \\
                "wrong" if "uthentication failed" in words else words
        finally:
            place.__dict__.clear()
    def attempts(*tries):
        results = [None] * len(tries)
        def one(number): results[number] = attempt(*tries[number])
        threads = [threading.Thread(target=one, args=(number,)) for number in range(len(tries))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        return " ".join(sorted(results))

    """

  @Test func guessingFromManyAddressesEndsAndWhoIsKnownGoesOn() async throws {
    let redis = try await RedisServer()
    let mailboxes = try await MailboxNode(
      settings: "redis: {url: \"\(redis.url)\"}\nlimits: {\(Self.limits)}", roles: ["acceptor"], asksAboutLogins: true)
    let tried = "postrider:login:account:\(RunningNode.user):hour"
    func waitForTried(_ count: Int) async throws {
      try await eventually("\(count) different passwords are counted") {
        try await redis.command("SCARD", tried) == "\(count)"
      }
    }
    // Her program, at home.
    #expect(try await mailboxes.python(Self.attempts + "say(attempt(imap, password, home))") == "in")
    try await eventually("she is known there") {
      try await redis.command("EXISTS", "postrider:login:known:\(RunningNode.user)|127.9.9.9") == "1"
    }

    // Old devices of hers, wherever they are and however they write her name: one wrong password.
    let old = try await mailboxes.python(
      Self.attempts + """
        tagged = "alice+phone@SENDER.example"
        say(attempts(*[(enter, "the old one", None, name) for enter in (imap, pop3) for name in (user, tagged)] * 3))
        """)
    #expect(old == Array(repeating: "wrong", count: 12).joined(separator: " "))
    try await waitForTried(1)

    // Guesses, one address each.
    let guesses = try await mailboxes.python(
      Self.attempts
        + "say(attempts(*[(imap, 'guess %d' % n) for n in range(3)], *[(pop3, 'guess %d' % n) for n in (3, 4)]))")
    #expect(guesses == "wrong wrong wrong wrong wrong")
    try await waitForTried(6)
    // One more is answered, and that was it: the old devices have counted once.
    #expect(try await mailboxes.python(Self.attempts + "say(attempt(imap, 'guess 5'))") == "wrong")
    try await waitForTried(7)

    let after = try await mailboxes.python(
      Self.attempts + """
        def smtp(secret, address):
            server = smtplib.SMTP("localhost", \(mailboxes.node.startTLSPort), timeout=120, source_address=(address, 0))
            server.starttls(context=context)
            server.ehlo()
            try:
                server.user, server.password = user, secret
                return server.auth("PLAIN", server.auth_plain)[0]
            except smtplib.SMTPException as error:
                return error.smtp_code
        say("others", attempts((imap, "guess 6"), (pop3, "guess 7"), (imap, password), (pop3, password)))
        say("home", attempts((imap, password, home), (pop3, password, home), (imap, "mistyped", home)))
        say("home", attempts((imap, password, home)))
        say("smtp", smtp(password, "127.0.0.1"), smtp(password, home))
        """)
    let dovecot = await mailboxes.dovecot.output
    #expect(
      after == "others refused refused refused refused\nhome in in wrong\nhome in\nsmtp 454 235", "\(after)\n\(dovecot)"
    )
    #expect(try await redis.command("SCARD", tried) == "7", "what is refused is not counted")
    let log = mailboxes.roles[0].output + dovecot
    for secret in ["the old one", "guess 1", RunningNode.password] { #expect(!log.contains(secret)) }
  }

  /// Dovecot lets logins through when it cannot ask.
  @Test func withoutAnAcceptorLoginsGoOn() async throws {
    let mailboxes = try await MailboxNode(roles: ["acceptor"], asksAboutLogins: true)
    #expect(try await mailboxes.python(Self.attempts + "say(attempt(imap, password))") == "in")
    mailboxes.roles[0].send(.kill)
    try await mailboxes.roles[0].waitForExit()
    #expect(
      try await mailboxes.python(
        Self.attempts + "say(attempts((imap, password), (pop3, password), (imap, 'wrong')))") == "in in wrong")
  }

  @Test func aSecretThatOthersCanReadIsNone() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("0123456789abcdef0123456789abcdef\n", to: "policy.key")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    let node = try await RunningNode(
      settings: "mailboxes: {policy: {listen: [\"127.0.0.1:\(LoopbackPort.free())\"], key_file: \(file)}}")
    let refusal = try await node.refusal(of: "acceptor")
    #expect(
      refusal.status == .exited(78) && refusal.output.contains("mailboxes.policy.key_file cannot be used")
        && refusal.output.contains("can be read or changed by others"), "\(refusal.status) \(refusal.output)")
  }
}
