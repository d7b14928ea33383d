import MailModel
import SMTPWire
import Testing

/// The dialogue without a socket: what scripts cannot show, and every reply in every state.
@Suite struct StateMachineTests {
  private func reply(_ code: Int, _ text: String = "x") -> Reply { Reply(code, nil, text) }

  private func ready(_ extensions: String = "PIPELINING", encryption: ClientPolicy.Encryption = .never)
    -> ClientDialogue
  {
    var dialogue = ClientDialogue(policy: ClientPolicy(heloName: "n.test", encryption: encryption))
    #expect(dialogue.receive(reply(220)) == .send(Array("EHLO n.test\r\n".utf8)))
    #expect(dialogue.receive(reply(250, "mx\n\(extensions)")) == .ready)
    return dialogue
  }

  private func transaction(_ count: Int = 1) -> ClientTransaction {
    ClientTransaction(
      reversePath: nil,
      recipients: (0..<count).map { Recipient(address: MailAddress(localPart: "r\($0)", domain: "x.test")) }, size: 1)
  }

  @Test func waits() {
    var dialogue = ClientDialogue(policy: ClientPolicy(heloName: "n.test", encryption: .never))
    #expect(dialogue.wait == .greeting)
    _ = dialogue.receive(reply(220))
    #expect(dialogue.wait == .hello)
    _ = dialogue.receive(reply(250, "mx\nPIPELINING"))
    #expect(dialogue.wait == .idle)
    _ = dialogue.begin(transaction())
    #expect(dialogue.wait == .mail)
    _ = dialogue.receive(reply(250))
    #expect(dialogue.wait == .recipient)
    _ = dialogue.receive(reply(250))
    #expect(dialogue.wait == .data)
    #expect(dialogue.receive(reply(354)) == .sendContent)
    #expect(dialogue.wait == .content)
    dialogue.contentSent()
    #expect(dialogue.wait == .finalDot)
    guard case .finished(let result) = dialogue.receive(reply(250)) else {
      Issue.record("not finished")
      return
    }
    #expect(result.outcomes == [.done(.delivered(reply(250)))])
    #expect(dialogue.isReady)
  }

  /// Every order of replies to the end of an LMTP message, and every place where the connection may end.
  @Test(arguments: [(0, 3), (1, 3), (2, 3), (3, 3)]) func eachRecipientKeepsItsReply(answered: Int, count: Int) {
    let policy = ClientPolicy(heloName: "n.test", encryption: .never, transfer: .lmtp)
    for codes in [[250, 250, 250], [250, 452, 550], [550, 250, 451], [421, 421, 421]] {
      var dialogue = ClientDialogue(policy: policy)
      #expect(dialogue.receive(reply(220)) == .send(Array("LHLO n.test\r\n".utf8)))
      _ = dialogue.receive(reply(250, "mx\nPIPELINING"))
      _ = dialogue.begin(transaction(count))
      for code in [250, 250, 250, 250, 354] { _ = dialogue.receive(reply(code)) }
      dialogue.contentSent()
      var action = ClientAction.wait
      for code in codes.prefix(answered) where action == .wait { action = dialogue.receive(reply(code)) }
      if action == .wait { action = dialogue.lost(.connection("cut")) }
      guard case .finished(let result) = action else {
        Issue.record("\(action)")
        continue
      }
      #expect(dialogue.isReady == (answered == count && codes[0] != 421))
      for (index, code) in codes.enumerated() {
        let expected: AttemptResult =
          if codes[0] == 421 {
            answered > 0 ? .refused(reply(421), .finalDot) : .failed(.connection("cut"), .finalDot)
          } else if index >= answered {
            .failed(.connection("cut"), .finalDot)
          } else if code == 250 {
            .delivered(reply(250))
          } else {
            .refused(reply(code), .finalDot)
          }
        #expect(result.outcomes[index] == .done(expected), "\(codes) \(answered) \(index)")
      }
    }
  }

  @Test func aCommandCannotHideInAnAddress() {
    for bad in ["a@x.test>\r\nDATA", "a\u{0}@x.test", "a\n@x.test"] {
      var dialogue = ready()
      var transaction = transaction()
      transaction.recipients[0].address = MailAddress(localPart: "r", domain: bad)
      guard case .finished(let result) = dialogue.begin(transaction) else {
        Issue.record("it was sent")
        continue
      }
      guard case .done(.failed(.system, .mail)) = result.outcomes[0] else {
        Issue.record("\(result)")
        continue
      }
      #expect(dialogue.isReady)
    }
  }

  @Test func capabilities() {
    let reply = Reply(
      250, nil,
      "mx\nsize\nSIZE 0\nPipelining\n8bitmime\nAUTH plain LOGIN\nAUTH=CRAM-MD5\nLIMITS RCPTMAX=7 MAILMAX=x\nSTARTTLS\n\n  \nX-ODD"
    )
    let found = ClientCapabilities(ehlo: reply)
    #expect(found.size && found.sizeMax == nil && found.pipelining && found.eightBitMIME && found.startTLS)
    #expect(found.mechanisms == ["PLAIN", "LOGIN", "CRAM-MD5"])
    #expect(found.recipientsMax == 7 && found.transactionsMax == nil)
    #expect(!found.smtpUTF8 && !found.dsn)
    #expect(ClientCapabilities(ehlo: Reply(250, nil, "SIZE 99999999999999999999999\nSIZE 5")).sizeMax == 5)
  }

  @Test func encodings() {
    #expect(ClientCommands.xtext("a+b=c ü") == "a+2Bb+3Dc+20+C3+BC")
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
      #expect(ClientCommands.base64(Array(plain.utf8)) == coded)
    }
  }

  /// Random replies, losses and calls in every state. A recipient is delivered only by a 2yz after the content.
  @Test func anything() {
    var generator = SeededGenerator(seed: 0x5EED_0003)
    let codes = [220, 250, 250, 250, 250, 235, 334, 354, 354, 421, 450, 452, 500, 550, 552, 554]
    var delivered = 0
    for _ in 0..<20_000 {
      let encryptions: [ClientPolicy.Encryption] = [.never, .whenOffered, .always, .implicit]
      let login = Bool.random(using: &generator) ? ClientLogin(user: "u", password: "p") : nil
      var dialogue = ClientDialogue(
        policy: ClientPolicy(
          heloName: "n", encryption: encryptions.randomElement(using: &generator) ?? .never, login: login,
          recipientsMax: 2, transfer: Bool.random(using: &generator) ? .lmtp : .smtp))
      var contentIsOut = false
      var count = 0
      for _ in 0..<40 where !dialogue.isClosed {
        let action: ClientAction
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: action = dialogue.lost(.connection("x"))
        case 1: action = dialogue.tlsEstablished(verified: Bool.random(using: &generator))
        case 2: action = dialogue.abandon(.notTried("x"))
        default:
          let text = Bool.random(using: &generator) ? "mx\nPIPELINING\nSTARTTLS\nAUTH PLAIN" : "mx\nAUTH LOGIN"
          // Mostly what is hoped for, or no walk would ever get to the end.
          let code =
            Int.random(in: 0..<4, using: &generator) > 0 ? hoped(dialogue.wait) : codes.randomElement(using: &generator)
          action = dialogue.receive(reply(code ?? 250, text))
        }
        var next = action
        if dialogue.isReady, count == 0 || Bool.random(using: &generator) {
          if case .finished = next { check(next, count, contentIsOut, &delivered) }
          count = Int.random(in: 1...4, using: &generator)
          contentIsOut = false
          next = dialogue.begin(transaction(count))
        }
        if case .sendContent = next, Bool.random(using: &generator) {
          dialogue.contentSent()
          contentIsOut = true
        }
        check(next, count, contentIsOut, &delivered)
      }
    }
    #expect(delivered > 50)
  }

  private func hoped(_ wait: ClientWait) -> Int {
    switch wait {
    case .greeting, .startTLS: 220
    case .login: 235
    case .data: 354
    default: 250
    }
  }

  private func check(_ action: ClientAction, _ count: Int, _ contentIsOut: Bool, _ delivered: inout Int) {
    guard case .finished(let result) = action else { return }
    #expect(result.outcomes.count == count)
    for case .done(.delivered(let reply)) in result.outcomes {
      #expect(contentIsOut && (200..<300).contains(reply.code))
      delivered += 1
    }
  }
}
