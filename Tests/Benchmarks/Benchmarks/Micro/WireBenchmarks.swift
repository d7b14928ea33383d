import Benchmark
import BounceRules
import MailModel
import SMTPWire

/// Grammar of SMTP, both sides.
func wireBenchmarks() {
  let commands: [(Verb, [UInt8])] = [
    (.ehlo, Array("EHLO client.example.com".utf8)),
    (.mail, Array("MAIL FROM:<newsletter+4711@example.com> SIZE=10240 BODY=8BITMIME RET=HDRS ENVID=abc".utf8)),
    (.rcpt, Array("RCPT TO:<someone.with.a.name@recipients.example.org> NOTIFY=FAILURE,DELAY".utf8)),
    (.data, Array("DATA".utf8)),
  ]
  Benchmark("\(calls) times: parse a session's four commands") { benchmark in
    for _ in 0..<calls {
      for (verb, line) in commands { blackHole(try CommandParser.parse(verb, line)) }
    }
  }

  let replies: [[UInt8]] = [
    Array(
      "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n".utf8),
    Array("250 2.0.0 Ok: queued as 4WkP3r1Zz9z4x\r\n".utf8),
    Array("550 5.1.1 <someone@example.org>: Recipient address rejected: User unknown\r\n".utf8),
    Array("451-4.7.1 Greylisting in action,\r\n451 4.7.1 please come back in 300 seconds\r\n".utf8),
  ]
  Benchmark("\(calls) times: parse and judge four replies") { benchmark in
    for _ in 0..<calls {
      for bytes in replies {
        var parser = ReplyParser()
        parser.append(bytes)
        guard let reply = try parser.next() else { continue }
        blackHole(reply.isPositive ? nil : getBounceInfo(.reply(reply)))
      }
    }
  }

  let typical = Reply(
    550, EnhancedStatus(5, 1, 1),
    "<someone@example.org>: Recipient address rejected: User unknown in local recipient table")
  Benchmark("\(calls) times: what a typical reply means") { benchmark in
    for _ in 0..<calls { blackHole(getBounceInfo(.reply(typical))) }
  }
  // 64 KB each: nothing known, all phrases, and every byte in a charset to be guessed.
  let hostile: [(String, [UInt8])] = [
    ("one long word", [UInt8](repeating: 0x61, count: 65536)),
    ("phrases", Array(String(repeating: "no such user over quota blocked using listed in ", count: 1366).utf8)),
    ("unknown charset", (0..<65536).map { UInt8(0x80 + $0 * 31 % 128) }),
  ]
  for (name, bytes) in hostile {
    Benchmark("what a hostile reply of 64 KB means: \(name)") { benchmark in
      blackHole(getBounceInfo(.text(bytes)))
    }
  }

  let wire = Samples.wire(size: 10_240)
  Benchmark("decode 10 KB of content in pieces of 4 KB") { benchmark in
    var decoder = DataDecoder(limits: .init(lineLengthMax: 998, sizeMax: 1 << 20), isDotTerminated: true)
    var size = 0
    for piece in wire { _ = piece.withUnsafeBytes { decoder.decode($0) { size += $0.count } } }
    blackHole(size)
  }
}
