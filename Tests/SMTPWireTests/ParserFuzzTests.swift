import MailModel
import SMTPWire
import Testing

/// No input makes a parser trap, and what it accepts holds to its limits.
@Suite struct ParserFuzzTests {
  static let runs = 20_000

  @Test func commands() throws {
    var mutator = Mutator(
      [
        "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>",
        "MAIL FROM:<@x.org,@y.org:\"q\\\"q\"@[IPv6:2001:db8::1]>", "RCPT TO:<jörg@exämple.org> NOTIFY=SUCCESS,DELAY",
        "RCPT TO:<b@[192.0.2.1]> ORCPT=rfc822;b+40example.org", "EHLO [192.0.2.1]", "HELO host.example.org",
        "AUTH PLAIN AHVzZXIAcGFzcw==", "AUTH LOGIN =", "BDAT 100 LAST", "VRFY user", "QUIT", "STARTTLS", "DATA",
      ], seed: 1)
    for _ in 0..<Self.runs {
      let line = mutator.next()
      guard let verb = CommandParser.verb(of: line) else { continue }
      for smtpUTF8 in [false, true] {
        do throws(CommandFault) {
          check(try CommandParser.parse(verb, line, smtpUTF8: smtpUTF8), smtpUTF8: smtpUTF8)
        } catch {
          #expect((500...599).contains(error.reply.code))
          #expect(error.reply.enhanced?.kind == 5)
        }
      }
    }
  }

  private func check(_ command: Command, smtpUTF8: Bool) {
    switch command {
    case .mail(let mail):
      if let sender = mail.reversePath { check(sender, smtpUTF8: mail.smtpUTF8) }
    case .rcpt(let recipient):
      check(recipient.address, smtpUTF8: smtpUTF8)
      if let original = recipient.originalRecipient { #expect(original.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }) }
    case .bdat(let size, _):
      #expect(size >= 0)
    default:
      break
    }
  }

  /// What was accepted is accepted again from its own text, and can break no line that it is put into.
  private func check(_ address: MailAddress, smtpUTF8: Bool) {
    let again = try? PathParser.mailbox(Array(address.description.utf8)[...])
    #expect(again == address)
    #expect(address.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
    #expect(smtpUTF8 || !address.needsSMTPUTF8)
    #expect(address.localPart.utf8.count <= 64)
    #expect(address.domain.utf8.count <= 255)
  }

  @Test func codings() {
    var mutator = Mutator(["a+2Bb", "AHVzZXIAcGFzcw==", "+00", "===="], seed: 2)
    for _ in 0..<Self.runs {
      let bytes = mutator.next()
      if let decoded = Xtext.decode(bytes) { #expect(Xtext.decode(Xtext.encode(decoded)) == decoded) }
      if let decoded = Base64.decode(bytes) { #expect(Base64.encode(decoded) == bytes) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      #expect(Xtext.decode(Xtext.encode(bytes)) == bytes)
    }
  }

  @Test func lines() {
    var mutator = Mutator(["EHLO x\r\nNOOP\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", "\r\n\r\n", "x"], seed: 3)
    for _ in 0..<Self.runs {
      let bytes = mutator.next()
      let whole = Self.lines([bytes[...]])
      #expect(whole == Self.lines(mutator.pieces(of: bytes)))
      for case .line(let line) in whole {
        #expect(line.count <= 40 && !line.contains(13) && !line.contains(10))
      }
    }
  }

  private static func lines(_ pieces: [ArraySlice<UInt8>]) -> [CommandLineDecoder.Outcome] {
    var decoder = CommandLineDecoder()
    var outcomes: [CommandLineDecoder.Outcome] = []
    for piece in pieces {
      var rest = piece
      while !rest.isEmpty {
        let (consumed, outcome) = rest.withUnsafeBytes { decoder.decode($0, lengthMax: 40) }
        rest = rest.dropFirst(consumed)
        if let outcome { outcomes.append(outcome) }
      }
    }
    return outcomes
  }
}
