import MailModel
import MailQueue
import Testing

@Suite(.timeLimit(.minutes(10))) struct SubmissionTests {
  @Test func startTLSPathEndToEnd() async throws {
    try await TestNode.with { node in
      let client = try await TestClient.connect(to: node.startTLS)
      #expect(try await client.reply() == "220 mx.example.com ESMTP Postrider")
      #expect(try await client.command("EHLO client.example.org").contains("STARTTLS"))
      #expect(try await client.command("STARTTLS") == "220 2.0.0 Ready to start TLS")
      try await client.startTLS(node.trust)
      #expect(try await client.command("EHLO client.example.org").contains("AUTH PLAIN LOGIN"))
      #expect(
        try await client.command("AUTH PLAIN \(TestNode.plain("secret"))") == "235 2.7.0 Authentication successful")
      #expect(try await client.command("MAIL FROM:<a@example.org>") == "250 2.1.0 Sender Ok")
      #expect(try await client.command("RCPT TO:<b@example.net>") == "250 2.1.5 Recipient Ok")
      #expect(try await client.command("DATA").hasPrefix("354 "))
      let reply = try await client.command("Subject: Hi\r\nBcc: c@example.net\r\n\r\nHello\r\n..\r\n.")
      let message = try #require(await node.queue.next())
      #expect(reply == "250 2.0.0 Ok: queued as \(message.id)")
      #expect(message.tenant == 7)
      #expect(message.credential == 3)
      #expect(message.clientAddress == "127.0.0.1")
      let text = try message.text
      #expect(text.hasPrefix("Received: from client.example.org\r\n\tby mx.example.com with ESMTPSA (TLSv1.3 "))
      #expect(text.contains("for <b@example.net>;"))
      #expect(text.contains("\r\nMessage-ID: <\(message.id)@mx.example.com>\r\n"))
      #expect(!text.contains("Bcc"))
      #expect(text.hasSuffix("\r\n\r\nHello\r\n.\r\n"))
      #expect(try await client.command("QUIT").hasPrefix("221 2.0.0 "))
      #expect(await client.isEnded())
    }
  }

  @Test func implicitTLSWithLoginAndTwoMessages() async throws {
    try await TestNode.with { node in
      let client = try await node.greeted()
      #expect(try await client.command("AUTH LOGIN") == "334 VXNlcm5hbWU6")
      #expect(try await client.command("dXNlckBleGFtcGxlLm9yZw==") == "334 UGFzc3dvcmQ6")
      #expect(try await client.command("c2VjcmV0") == "235 2.7.0 Authentication successful")
      for number in 1...2 {
        _ = try await client.command("MAIL FROM:<>")
        _ = try await client.command("RCPT TO:<b@example.net>")
        _ = try await client.command("RCPT TO:<c@example.net> NOTIFY=NEVER ORCPT=rfc822;x@example.net")
        _ = try await client.command("DATA")
        #expect(try await client.command("Subject: \(number)\r\n\r\nText\r\n.").hasPrefix("250 2.0.0 Ok: queued as "))
        let message = try #require(await node.queue.next())
        #expect(message.envelope.reversePath == nil)
        #expect(message.envelope.recipients.map(\.originalRecipient) == [nil, "rfc822;x@example.net"])
        #expect(try message.text.contains("Subject: \(number)\r\n"))
        #expect(try !message.text.contains("for <"))
      }
    }
  }

  @Test func wholeSessionInOnePacket() async throws {
    try await TestNode.with { node in
      let client = try await node.loggedIn()
      try await client.send(
        """
        MAIL FROM:<a@example.org>\r
        RCPT TO:<b@example.net>\r
        DATA\r
        Subject: one\r
        \r
        .\r
        MAIL FROM:<a@example.org>\r
        RCPT TO:<b@example.net>\r
        BDAT 16\r
        Subject: two\r
        \r
        BDAT 4 LAST\r
        Hi\r
        QUIT\r

        """)
      var codes: [String] = []
      for _ in 0..<9 { codes.append(String(try await client.reply().prefix(3))) }
      #expect(codes == ["250", "250", "354", "250", "250", "250", "250", "250", "221"])
      #expect(await client.isEnded())
      let texts = [try await node.queue.next()?.text, try await node.queue.next()?.text]
      #expect(texts[0]?.contains("Subject: one\r\n") == true)
      #expect(texts[1]?.hasSuffix("\r\n\r\nHi\r\n") == true)
    }
  }

  /// Sessions on several event loops at once, each message told apart from all others.
  @Test func manySessionsAtOnce() async throws {
    try await TestNode.with { node in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for session in 0..<20 {
          group.addTask {
            let client = try await node.loggedIn()
            for message in 0..<5 {
              try await client.send(
                "MAIL FROM:<\(session)@example.org>\r\nRCPT TO:<\(message)@example.net>\r\nBDAT 6\r\nA: b\r\n"
                  + "BDAT 2 LAST\r\n\r\n")
              for _ in 0..<4 { #expect(try await client.reply().hasPrefix("250 ")) }
            }
            await client.close()
          }
        }
        try await group.waitForAll()
      }
      var seen: Set<String> = []
      for _ in 0..<100 {
        let envelope = try #require(await node.queue.next()).envelope
        seen.insert("\(envelope.reversePath?.description ?? "") \(envelope.recipients.map(\.address.description))")
      }
      #expect(seen.count == 100)
    }
  }

  @Test func octetByOctet() async throws {
    try await TestNode.with { node in
      let client = try await node.loggedIn()
      let session = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nA: b\r\n\r\n..x\r\n.\r\nQUIT\r\n"
      for byte in Array(session.utf8) { try await client.send([byte]) }
      var codes: [String] = []
      for _ in 0..<5 { codes.append(String(try await client.reply().prefix(3))) }
      #expect(codes == ["250", "250", "354", "250", "221"])
      #expect(try await node.queue.next()?.text.hasSuffix("\r\n\r\n.x\r\n") == true)
    }
  }

  @Test func noLoginInClear() async throws {
    try await TestNode.with { node in
      let client = try await TestClient.connect(to: node.startTLS)
      _ = try await client.reply()
      #expect(try await client.command("EHLO x").contains("AUTH") == false)
      #expect(try await client.command("AUTH PLAIN \(TestNode.plain("secret"))").hasPrefix("538 5.7.11 "))
      #expect(try await client.command("AUTH LOGIN").hasPrefix("538 5.7.11 "))
      #expect(try await client.command("MAIL FROM:<a@example.org>").hasPrefix("530 5.7.0 "))
    }
  }

  @Test func commandsBehindSTARTTLSAreThrownAway() async throws {
    try await TestNode.with { node in
      let client = try await TestClient.connect(to: node.startTLS)
      _ = try await client.reply()
      _ = try await client.command("EHLO x")
      try await client.send("STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
      #expect(try await client.reply() == "220 2.0.0 Ready to start TLS")
      try await client.startTLS(node.trust)
      // Nothing is said to the injected lines, and nothing of the time before is remembered.
      #expect(try await client.command("MAIL FROM:<a@example.org>") == "503 5.5.1 Send EHLO first")
    }
  }

  @Test func internationalMail() async throws {
    try await TestNode.with { node in
      let client = try await node.loggedIn()
      _ = try await client.command("MAIL FROM:<ä@example.org> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=a+2Bb")
      _ = try await client.command("RCPT TO:<ö@exämple.net>")
      _ = try await client.command("DATA")
      #expect(try await client.command("Subject: ü\r\n\r\nü\r\n.").hasPrefix("250 "))
      let message = try #require(await node.queue.next())
      #expect(message.envelope.smtpUTF8)
      #expect(message.envelope.body == .eightBit)
      #expect(message.envelope.returned == .headers)
      #expect(message.envelope.envelopeID == "a+b")
      #expect(try message.text.contains("with UTF8SMTPSA ("))
      #expect(try message.text.contains("for <ö@exämple.net>;"))
    }
  }
}
