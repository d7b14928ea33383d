import Foundation
import MailTesting
import Supervision
import Testing

/// What Gmail does for «Send mail as», step by step, in words of its own: docs/integrations/gmail.md.
@Suite(.serialized, .timeLimit(.minutes(10))) struct GmailTests {
  /// Python's sockets and TLS; the commands are written as Gmail writes them.
  private func program(_ node: RunningNode, implicit: Bool, password: String = RunningNode.password, tls: String = "")
    -> String
  {
    """
    import base64, socket, ssl
    name, implicit = "mail-ej1-f51.google.com", \(implicit ? "True" : "False")
    connection = socket.create_connection(("127.0.0.1", \(implicit ? node.implicitPort : node.startTLSPort)), timeout=120)
    context = ssl.create_default_context(cafile="\(node.authority)")
    \(tls)
    def secured(connection):
        return context.wrap_socket(connection, server_hostname="localhost")
    if implicit: connection = secured(connection)
    replies = connection.makefile("rb")
    def reply():
        lines = [replies.readline().decode()]
        while lines[-1][3:4] == "-": lines.append(replies.readline().decode())
        return "".join(lines)
    def say(text):
        connection.sendall(text.encode() + b"\\r\\n")
        return reply()
    def show(what, text): print(what, text.replace("\\r\\n", "|"), flush=True)
    show("greeting", reply())
    offered = say("EHLO " + name)
    show("first", offered)
    if not implicit:
        show("starttls", say("STARTTLS"))
        connection = secured(connection)
        replies = connection.makefile("rb")
        offered = say("EHLO " + name)
        show("second", offered)
    show("version", connection.version())
    login = base64.b64encode("\\0\(RunningNode.user)\\0\(password)".encode()).decode()
    answer = say("AUTH PLAIN " + login)
    show("auth", answer)
    if answer.startswith("235"):
        show("mail", say("MAIL FROM:<\(RunningNode.user)> SIZE=512"))
        show("rcpt", say("RCPT TO:<\(RunningNode.user)>"))
        show("data", say("DATA"))
        content = "\\r\\n".join([
            "From: Alice <\(RunningNode.user)>", "To: \(RunningNode.user)",
            "Message-ID: <CAF1=confirmation@mail.gmail.com>", "MIME-Version: 1.0",
            "Date: Fri, 20 Nov 2026 10:00:00 -0800",
            "Subject: Gmail Confirmation - Send Mail as \(RunningNode.user)",
            'Content-Type: text/plain; charset="UTF-8"', "", "Confirmation code: 123456789", "."])
        show("dot", say(content))
    show("quit", say("QUIT"))
    """
  }

  private func conversation(_ node: RunningNode, _ program: String) async throws -> [String: String] {
    let output = try await node.python(program)
    return Dictionary(
      output.split(separator: "\n").compactMap { line in
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
      }, uniquingKeysWith: { $1 })
  }

  @Test(arguments: [false, true])
  func theConfirmationReachesTheAddressItself(implicit: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor(), try await node.worker()]
    let said = try await conversation(node, program(node, implicit: implicit))
    #expect(said["greeting"]?.hasPrefix("220 localhost ") == true)
    if !implicit {
      #expect(said["first"]?.contains("STARTTLS") == true && said["first"]?.contains("AUTH") == false)
      #expect(said["starttls"]?.hasPrefix("220 ") == true)
      #expect(said["second"]?.contains("STARTTLS") == false)
    }
    let offered = said[implicit ? "first" : "second"] ?? ""
    #expect(offered.contains("AUTH PLAIN") && offered.contains("SIZE"), "\(offered)")
    for (step, code) in [("auth", "235 2.7.0"), ("mail", "250 "), ("rcpt", "250 "), ("data", "354 "), ("dot", "250 2.0.0"), ("quit", "221 ")] {
      #expect(said[step]?.hasPrefix(code) == true, "\(step): \(said[step] ?? "nothing")")
    }
    let mail = try #require(try await node.waitForCaptured(1).first)
    #expect(mail.field("mail_from") == RunningNode.user && mail.recipients == [RunningNode.user])
    #expect(mail.message.contains("\r\nSubject: Gmail Confirmation - Send Mail as \(RunningNode.user)\r\n"))
    #expect(mail.message.hasSuffix("\r\n\r\nConfirmation code: 123456789\r\n"))
    #expect(mail.message.contains("mail-ej1-f51.google.com"), "the Received field tells the name of the client")
    _ = roles
  }

  @Test func aWrongPasswordIsToldAtOnce() async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor()]
    let said = try await conversation(node, program(node, implicit: true, password: "wrong"))
    #expect(said["auth"]?.hasPrefix("535 5.7.8 ") == true, "\(said)")
    _ = roles
  }

  /// Google wants TLS 1.2 or newer; and so do we.
  @Test(arguments: [("TLSv1_1", false), ("TLSv1_2", true), ("TLSv1_3", true)])
  func tlsIsNewEnough(version: String, isTaken: Bool) async throws {
    let node = try await RunningNode()
    let roles = [try await node.acceptor()]
    let chosen = """
      context.set_ciphers("DEFAULT:@SECLEVEL=0")
      context.minimum_version = context.maximum_version = ssl.TLSVersion.\(version)
      """
    let text = program(node, implicit: true, tls: chosen)
    if isTaken {
      let said = try await conversation(node, text)
      #expect(said["version"] == version.replacing("_", with: ".") && said["dot"]?.hasPrefix("250 ") == true)
    } else {
      let refused = try node.startPython(text)
      #expect(try await !refused.waitForExit(atMost: .seconds(120)).isSuccess)
      #expect(refused.output.lowercased().contains("ssl"), "\(refused.output)")
    }
    _ = roles
  }
}
