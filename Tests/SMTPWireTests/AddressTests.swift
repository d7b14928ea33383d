import MailModel
import SMTPWire
import Testing

@Suite struct AddressTests {
  @Test(arguments: [
    ("a@example.org", "a", "example.org"),
    ("A.b+c=d/e@EXAMPLE.org", "A.b+c=d/e", "EXAMPLE.org"),
    ("a@localhost", "a", "localhost"),
    ("a@xn--exmple-cua.org", "a", "xn--exmple-cua.org"),
    ("a@1and1.com", "a", "1and1.com"),
    ("!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~", "x.y"),
    ("\"a b\"@example.org", "\"a b\"", "example.org"),
    ("\"a\\\"@\\\\b\"@example.org", "\"a\\\"@\\\\b\"", "example.org"),
    ("\"\"@example.org", "\"\"", "example.org"),
    ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
    ("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
    ("a@[ipv6:::ffff:192.0.2.1]", "a", "[ipv6:::ffff:192.0.2.1]"),
    ("jörg@exämple.org", "jörg", "exämple.org"),
    ("用户@例え.jp", "用户", "例え.jp"),
  ])
  func accepts(_ text: String, local: String, domain: String) throws {
    let address = try PathParser.mailbox(Array(text.utf8)[...])
    #expect(address == MailAddress(localPart: local, domain: domain))
  }

  @Test(arguments: [
    "", "@", "a", "a@", "@example.org", ".a@example.org", "a.@example.org", "a..b@example.org", "a b@example.org",
    "a@example.org ", " a@example.org", "a@.example.org", "a@example..org", "a@example.org.", "a@-x.org", "a@x-.org",
    "a@exa_mple.org", "a@b@c.org", "\"a@example.org", "\"a\"b@example.org", "\"a\u{1}\"@example.org",
    "\"a\\\u{7F}\"@example.org", "a@[192.0.2.256]", "a@[192.0.2]", "a@[]", "a@[IPv6:192.0.2.1]", "a@[IPv6:zz]",
    "a@[tag:value]", "a@[192.0.2.1", "a@[fe80::1%eth0]", "a\u{0}@example.org", "a@exam\u{0}ple.org",
    "a\u{85}b@example.org", "a@ex\u{9B}ample.org", "<a@example.org>", "a@example.org>", "a,b@example.org",
    String(repeating: "x", count: 65) + "@example.org", "a@" + String(repeating: "x", count: 64) + ".org",
    "a@" + String(repeating: "abcdefg.", count: 32) + "org",
  ])
  func refuses(_ text: String) {
    #expect(throws: AddressFault.self) { try PathParser.mailbox(Array(text.utf8)[...]) }
  }

  @Test(arguments: [[0xC3], [0xFF], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]])
  func refusesBrokenUTF8(_ bytes: [UInt8]) {
    #expect(throws: AddressFault.self) { try PathParser.mailbox((bytes + Array("@example.org".utf8))[...]) }
    #expect(throws: AddressFault.self) { try PathParser.mailbox((Array("a@".utf8) + bytes + Array(".org".utf8))[...]) }
  }

  @Test func limitsAreInclusive() throws {
    let local = String(repeating: "x", count: 64)
    let label = String(repeating: "y", count: 63)
    #expect(try PathParser.mailbox(Array("\(local)@\(label).org".utf8)[...]).localPart == local)
    // The path's limit of 256 octets comes before the sum of its parts.
    let domain = [label, label, label].joined(separator: ".")
    let line = Array("RCPT TO:<\(local)@\(domain)>".utf8)
    #expect(throws: CommandFault.self) { try CommandParser.parse(.rcpt, line) }
  }

  @Test(arguments: [("example.org", true), ("my_pc", true), ("[192.0.2.1]", true), ("[IPv6:::1]", true), ("x", true)])
  func helloNames(_ name: String, _ isAcceptable: Bool) {
    #expect(isAcceptableHelloName(Array(name.utf8)[...]) == isAcceptable)
  }

  @Test(arguments: [
    "", "a b", "(x)", "ex\u{E4}mple", "[]", "[x]", "[192.0.2.1\0]", "a\u{1B}", "<x>",
    String(repeating: "x", count: 256),
  ])
  func refusesHelloNames(_ name: String) {
    #expect(!isAcceptableHelloName(Array(name.utf8)[...]))
  }
}
