import Testing

@testable import Discovery

/// What is read, and what is refused whole.
@Suite struct XMLReaderTests {
  private func read(_ text: String) throws -> XMLElement { try XMLReader.read(Array(text.utf8)) }

  @Test func elementsNamespacesAndTextAreRead() throws {
    let root = try read(
      """
      \u{FEFF}<?xml version="1.0" encoding="utf-8"?>
      <!-- a comment -->
      <a:root xmlns:a="urn:one" xmlns='urn:two' x = "1">
        <child>a &lt;&amp;&gt;&quot;&apos; &#65;&#x20AC;<![CDATA[<raw> & ]]>b</child><empty/>
        <b:other xmlns:b="urn:three"></b:other >
      </a:root>
      """)
    #expect(root.name == "root" && root.namespace == "urn:one")
    #expect(root.children.map(\.name) == ["child", "empty", "other"])
    #expect(root.children.map(\.namespace) == ["urn:two", "urn:two", "urn:three"])
    #expect(root.children[0].text == "a <&>\"' A€<raw> & b")
  }

  @Test(arguments: [
    "", " ", "text", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>text", "<a", "<a b></a>", "<a b=c/>",
    "<a b='1' b='2'/>",
    "<a b='<'/>", "<a>&unknown;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#-1;</a>", "<a>&#;</a>", "<a>&#x;</a>",
    "<a>&amp</a>", "<a>]]></a>", "<a><![CDATA[x</a>", "<a><!-- x -- y --></a>", "<p:a/>", "<a:b:c xmlns:a='u'/>",
    "<a><?php echo 1 ?></a>", "<?xml version='1.0' encoding='utf-16'?><a/>", "<?xml?><a/>", "<?xml version='2.0'?><a/>",
    "<a b='1'c='2'/>", "<ä/>", "<a>\u{1}</a>", "<a>\u{FFFE}</a>", "<a\u{0}/>", "< a/>", "<a><a/>",
  ])
  func whatIsNotWellFormedIsRefused(text: String) {
    #expect(throws: XMLFault.self) { try read(text) }
  }

  @Test(arguments: [
    "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
    "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY % p SYSTEM 'http://x/'>%p;]><a/>",
    "<a><!ENTITY x 'y'></a>",
  ])
  func aDocumentTypeIsNeverRead(text: String) {
    #expect(throws: XMLFault.documentType) { try read(text) }
  }

  @Test func depthAndNumbersAreBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
    }
    #expect(try read(nested(16)).name == "a")
    #expect(throws: XMLFault.tooDeep) { try read(nested(17)) }
    #expect(throws: XMLFault.tooDeep) { try read(String(repeating: "<a>", count: 1 << 20)) }
    #expect(throws: XMLFault.tooMany) { try read("<a>" + String(repeating: "<b/>", count: 300) + "</a>") }
    let attributes = (0..<40).map { " x\($0)='1'" }.joined()
    #expect(throws: XMLFault.self) { try read("<a\(attributes)/>") }
  }

  @Test func invalidUTF8IsRefused() {
    #expect(throws: XMLFault.self) { try XMLReader.read(Array("<a>".utf8) + [0xC3, 0x28] + Array("</a>".utf8)) }
    #expect(throws: XMLFault.self) { try XMLReader.read([0xFF, 0xFE, 0x3C, 0x00, 0x61, 0x00]) }
  }
}
