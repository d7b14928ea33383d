internal import Foundation
internal import MailFormat
internal import MailModel
internal import SMTPClient
internal import SMTPWire

/// Login, sender, recipient and, when asked for, a message. Without that the transaction ends with RSET: nothing is sent,
/// and nothing counts against a limit.
struct AccountSteps {
  let plan: ClientPlan
  let session: ClientSession
  let tell: (Finding) -> Void
  private(set) var findings: [Finding] = []

  /// A step has failed, and it has been told.
  private struct Stopped: Error {}

  init(plan: ClientPlan, session: ClientSession, tell: @escaping (Finding) -> Void) {
    (self.plan, self.session, self.tell) = (plan, session, tell)
  }

  mutating func run() async {
    guard let account = plan.account else { return }
    do throws(Stopped) {
      try await logIn(account)
      guard let sender = plan.sender else {
        return add(
          .warning(
            "sender", "not tried: \(account.user) is no address", advice: "--from ADDRESS says what to send from"))
      }
      try await offer(sender)
      if let recipient = plan.recipient { try await name(recipient) }
      if plan.sends, let recipient = plan.recipient {
        try await send(from: sender, to: recipient)
      } else {
        _ = try await command("RSET", "RSET")
      }
    } catch {
      // Told already.
    }
  }

  // MARK: Steps

  private mutating func logIn(_ account: ClientPlan.Account) async throws(Stopped) {
    let (user, password) = (Array(account.user.utf8), Array(account.password.utf8))
    var reply: Reply
    if session.capabilities.mechanisms.contains("PLAIN") {
      reply = try await command("login", "AUTH PLAIN \(ClientCommands.base64([0] + user + [0] + password))")
    } else {
      reply = try await command("login", "AUTH LOGIN")
      if reply.code == 334 { reply = try await command("login", ClientCommands.base64(user)) }
      if reply.code == 334 { reply = try await command("login", ClientCommands.base64(password)) }
    }
    guard reply.code == 235 else {
      add(.failed("login", reply.text, advice: ReplyAdvice.advice(for: reply, at: .login(user: account.user))))
      throw Stopped()
    }
    add(.ok("login", "\(account.user) is logged in"))
  }

  private mutating func offer(_ sender: MailAddress) async throws(Stopped) {
    var line = "MAIL FROM:<\(sender)>"
    if session.capabilities.size, let size = plan.size { line += " SIZE=\(size)" }
    if session.capabilities.smtpUTF8, sender.needsSMTPUTF8 { line += " SMTPUTF8" }
    let reply = try await command("sender", line)
    // A refusal of the size says nothing about the sender.
    let isAboutSize = reply.code == 552 || reply.enhanced?.subject == 3
    if isAboutSize, let size = plan.size {
      add(
        .failed(
          "size", "\(CapabilityText.bytes(size)): \(reply.text)", advice: ReplyAdvice.advice(for: reply, at: .message)))
      throw Stopped()
    }
    try judge(reply, "sender", "\(sender) may be the sender", .sender)
    if let size = plan.size { add(.ok("size", "\(CapabilityText.bytes(size)) would be taken")) }
  }

  private mutating func name(_ recipient: MailAddress) async throws(Stopped) {
    let reply = try await command("recipient", "RCPT TO:<\(recipient)>")
    try judge(reply, "recipient", "\(recipient) is taken", .recipient)
  }

  private mutating func send(from sender: MailAddress, to recipient: MailAddress) async throws(Stopped) {
    let go = try await command("message", "DATA")
    guard go.code == 354 else { return try judge(go, "message", "", .message) }
    let text = """
      From: <\(sender)>\r
      To: <\(recipient)>\r
      Subject: A test of \(plan.host)\r
      Date: \(MailDate.text(Int64(Date().timeIntervalSince1970)))\r
      MIME-Version: 1.0\r
      Content-Type: text/plain; charset=utf-8\r
      \r
      This message was sent by «postrider doctor» to see whether mail gets through.\r

      """
    let reply: Reply
    do throws(StepTrouble) {
      reply = try await session.connection.message(text, within: plan.limit * 10)
    } catch {
      add(ConnectAdvice.silence("message", error, speaksTLS: false, limit: plan.limit * 10))
      throw Stopped()
    }
    try judge(reply, "message", "sent: \(reply.text)", .message)
  }

  // MARK: One command

  private mutating func judge(_ reply: Reply, _ check: String, _ good: String, _ step: ReplyAdvice.Step) throws(Stopped)
  {
    guard reply.isPositive else {
      add(.failed(check, reply.text, advice: ReplyAdvice.advice(for: reply, at: step)))
      throw Stopped()
    }
    add(.ok(check, good))
  }

  private mutating func command(_ check: String, _ line: String) async throws(Stopped) -> Reply {
    do throws(StepTrouble) {
      return try await session.connection.command(line, within: plan.limit)
    } catch {
      add(ConnectAdvice.silence(check, error, speaksTLS: false, limit: plan.limit))
      throw Stopped()
    }
  }

  private mutating func add(_ finding: Finding) {
    findings.append(finding)
    tell(finding)
  }
}
