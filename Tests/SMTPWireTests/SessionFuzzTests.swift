import MailModel
import SMTPWire
import Testing

/// Whole sessions: from each of the machine's states, whatever comes next.
@Suite struct SessionFuzzTests {
  struct Outcome: Equatable {
    var replies: [Reply] = []
    var messages: [[UInt8]] = []
    var isClosed = false
  }

  /// Plays the octets against a machine whose logins and queue always succeed.
  static func play(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
    var limits = SubmissionLimits()
    limits.messageSizeMax = 2000
    limits.recipientsMax = 3
    var machine = SubmissionMachine(
      hostName: "mx.example.com", policy: .init(offersStartTLS: false), limits: limits, isSecure: true)
    var outcome = Outcome()
    var collected: [UInt8] = []
    var buffer: [UInt8] = []
    for piece in pieces {
      buffer += piece
      while !outcome.isClosed {
        let (consumed, action) = buffer.withUnsafeBytes { bytes in machine.step(bytes) { collected += $0 } }
        buffer.removeFirst(consumed)
        guard var next = action else {
          if consumed == 0 { break }
          continue
        }
        if case .authenticate = next { next = machine.loginFinished(.accepted) }
        if case .endMessage = next {
          outcome.messages.append(collected)
          next = machine.messageFinished(Reply(250, .init(2, 0, 0), "Ok"))
        }
        switch next {
        case .reply(let reply): outcome.replies.append(reply)
        case .close(let reply):
          outcome.replies.append(reply)
          outcome.isClosed = true
        case .beginMessage(_, let reply), .discardMessage(let reply):
          collected = []
          if let reply { outcome.replies.append(reply) }
        case .startTLS, .authenticate, .endMessage: Issue.record("out of place: \(next)")
        }
      }
    }
    return outcome
  }

  static let login = "EHLO x\r\nAUTH PLAIN AHVzZXIAcGFzcw==\r\n"
  static let envelope = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"

  @Test func anyStateAnyInput() {
    var mutator = Mutator(
      [
        Self.login, "AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n", Self.envelope, Self.login + Self.envelope,
        Self.login + Self.envelope + "DATA\r\nA: b\r\n\r\nText\r\n.\r\n",
        Self.login + Self.envelope + "BDAT 6\r\nA: b\r\nBDAT 6 LAST\r\n\r\nText",
        Self.login + Self.envelope + "RSET\r\n" + Self.envelope + "DATA\r\n.\r\nNOOP\r\nQUIT\r\n",
      ], seed: 6)
    for _ in 0..<10_000 {
      let bytes = mutator.next()
      let whole = Self.play([bytes[...]])
      #expect(whole == Self.play(mutator.pieces(of: bytes)))
      for message in whole.messages { #expect(Self.hasOnlyCRLF(message)) }
    }
  }

  /// One transaction, hostile content, and commands hidden in it: there is at most one message, and nothing of what
  /// was queued could be read as two by anyone.
  @Test func noSmuggling() {
    let ends = [
      "\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\n", "\0\r\n", "\r\n ", " \r\n", "\r\0\n", "\u{85}", "\u{2028}",
    ]
    for first in ends {
      for second in ends where !(Array(first.utf8.suffix(2)) == [13, 10] && Array(second.utf8.prefix(2)) == [13, 10]) {
        let session =
          Self.login + Self.envelope + "DATA\r\nA: b\r\n\r\nfirst\(first).\(second)" + Self.envelope
          + "DATA\r\nsecond\r\n.\r\n"
        let outcome = Self.play([Array(session.utf8)[...]])
        #expect(outcome.messages.count <= 1)
        for message in outcome.messages { #expect(Self.hasOnlyCRLF(message)) }
        for message in outcome.messages { #expect(String(decoding: message, as: UTF8.self).contains("MAIL FROM:")) }
      }
    }
  }

  private static func hasOnlyCRLF(_ bytes: [UInt8]) -> Bool {
    for (index, byte) in bytes.enumerated() {
      if byte == 10, index == 0 || bytes[index - 1] != 13 { return false }
      if byte == 13, index + 1 == bytes.count || bytes[index + 1] != 10 { return false }
    }
    return true
  }
}
