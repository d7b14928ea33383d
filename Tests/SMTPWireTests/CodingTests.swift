import MailModel
import SMTPWire
import Testing

@Suite struct CodingTests {
  @Test(arguments: [("", ""), ("abc", "abc"), ("a+2Bb", "a+b"), ("+00+FF", "\u{0}\u{FF}"), ("a+3Db", "a=b")])
  func xtext(_ encoded: String, _ plain: String) {
    #expect(Xtext.decode(encoded.utf8) == plain.unicodeScalars.map { UInt8($0.value) })
    #expect(Xtext.encode(plain.unicodeScalars.map { UInt8($0.value) }) == Array(encoded.utf8))
  }

  @Test(arguments: ["+", "+2", "+2b", "a=b", "a b", "a\u{7F}", "+G0", "ä"])
  func badXtext(_ text: String) { #expect(Xtext.decode(text.utf8) == nil) }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func base64(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(plain.utf8) == Array(encoded.utf8))
    #expect(Base64.decode(encoded.utf8) == Array(plain.utf8))
  }

  @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-_", "=Zg="])
  func badBase64(_ text: String) { #expect(Base64.decode(text.utf8) == nil) }

  @Test func repliesCannotBeBroken() {
    let reply = Reply(250, EnhancedStatus(2, 0, 0), "one\ntwo\r\u{0}\u{1B}")
    #expect(String(decoding: reply.wire, as: UTF8.self) == "250-2.0.0 one\r\n250 2.0.0 two???\r\n")
    #expect(String(decoding: Reply(code: 334, enhanced: nil, lines: []).wire, as: UTF8.self) == "334 \r\n")
  }

  @Test(arguments: [
    ("BDAT 0", 0, false), ("BDAT 86400 LAST", 86400, true),
    ("bdat 999999999999999999 last", 999_999_999_999_999_999, true),
  ])
  func chunkSizes(_ line: String, _ size: Int, _ last: Bool) throws {
    #expect(try CommandParser.parse(.bdat, Array(line.utf8)) == .bdat(size: size, last: last))
  }

  @Test(arguments: [
    "BDAT", "BDAT -1", "BDAT +1", "BDAT 1 2", "BDAT LAST", "BDAT 1000000000000000000000", "BDAT 1 LAST LAST",
    "BDAT 0x10", "BDAT ٣",
  ])
  func badChunkSizes(_ line: String) {
    #expect(throws: CommandFault.self) { try CommandParser.parse(.bdat, Array(line.utf8)) }
  }

  @Test func loginsAreNotPrinted() {
    #expect("\(LoginAttempt(username: "u", password: Array("secret".utf8)))" == "a login")
    var text = ""
    dump(LoginAttempt(username: "u", password: Array("secret".utf8)), to: &text)
    #expect(!text.contains("115"))
  }
}
