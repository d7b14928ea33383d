import Testing

@testable import Discovery

/// A small generator whose runs can be repeated: the seed stands in the failure message.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

@Suite struct XMLFuzzTests {
  private static let pieces = [
    "<", ">", "</", "/>", "<a", "<a>", "</a>", "<b:c", " xmlns:b=\"u\"", " x='", "'", "\"", "&", "&amp;", "&#x41;",
    "&#9999999999;",
    ";", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?xml version=\"1.0\"?>", "<?", "?>", "<!DOCTYPE a [",
    "<!ENTITY x 'y'>", "=",
    " ", "\n", "é", "\u{0}", "\u{FEFF}", "text", "Autodiscover", "Request", "EMailAddress",
  ].map { Array($0.utf8) }

  /// A document that is whole, to be broken.
  private static let whole = Array(
    """
    <?xml version="1.0" encoding="utf-8"?><!-- c --><a xmlns="u" xmlns:b='v'><b:c x="1 &lt; 2">text &#65;<![CDATA[raw]]></b:c><d/></a>
    """.utf8)

  /// Whatever comes, it is read or refused; and what was read is written so that it reads the same again.
  @Test func whatIsReadReadsTheSameAgain() throws {
    var read = 0
    for seed in 1...UInt64(20_000) {
      var generator = SeededGenerator(seed: seed)
      let octets = seed % 2 == 0 ? Self.broken(&generator) : Self.assembled(&generator)
      guard let element = try? XMLReader.read(octets) else { continue }
      read += 1
      let again = try XMLReader.read(Array(Self.written(element).utf8))
      #expect(again == element, "seed \(seed)")
    }
    #expect(read > 500, "only \(read) were well-formed: the fuzzing tests nothing")
  }

  /// A request of any form has an answer, and never one with what it brought unescaped.
  @Test func everyRequestHasAnAnswer() {
    let answers = Answers(MailServices(standard: Fixture.service))
    for seed in 1...UInt64(5000) {
      var generator = SeededGenerator(seed: seed)
      let body = Self.assembled(&generator)
      let target = "/" + (0..<6).map { _ in Self.targets.randomElement(using: &generator) ?? "" }.joined()
      let posted = answers.answer(DiscoveryRequest(.post, "/autodiscover/autodiscover.xml", body: body))
      #expect(posted.status == 200, "seed \(seed)")
      let asked = answers.answer(DiscoveryRequest(.get, target, host: "autoconfig.a.example"))
      #expect([200, 302, 400, 404, 405].contains(asked.status), "seed \(seed): \(target)")
      if asked.type.hasPrefix("text/xml") { #expect(throws: Never.self) { try XMLReader.read(asked.body) } }
    }
  }

  private static let targets = [
    "mail/config-v1.1.xml", ".well-known/autoconfig/", "?", "&", "emailaddress=", "a%40b.example", "%", "%zz", "%00",
    "<script>",
    "autodiscover/autodiscover.json", "/v1.0/", "a@b.example", "protocol=AutodiscoverV1", "email=", "..", "//", "+",
    "\u{FF}",
    "mail/account.mobileconfig",
  ]

  private static func assembled(_ generator: inout SeededGenerator) -> [UInt8] {
    (0..<Int.random(in: 0...30, using: &generator)).flatMap { _ in pieces.randomElement(using: &generator) ?? [] }
  }

  /// One place changed, doubled or taken out.
  private static func broken(_ generator: inout SeededGenerator) -> [UInt8] {
    var octets = whole
    let place = Int.random(in: 0..<octets.count, using: &generator)
    switch Int.random(in: 0...3, using: &generator) {
    case 0: octets[place] = UInt8.random(in: 0...255, using: &generator)
    case 1: octets.remove(at: place)
    case 2: octets.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
    default: octets.removeSubrange(place..<min(place + 8, octets.count))
    }
    return octets
  }

  private static func written(_ element: XMLElement) -> String {
    let (namespace, text) = (XMLWriter.escaped(element.namespace), XMLWriter.escaped(element.text))
    let children = element.children.map(written).joined()
    return "<\(element.name) xmlns=\"\(namespace)\">\(text)\(children)</\(element.name)>"
  }
}
