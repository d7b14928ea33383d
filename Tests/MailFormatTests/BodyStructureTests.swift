import MailFormat
import MailModel
import Testing

/// The refusal of a body under this header, or what is put behind it.
func structure(
  _ contentType: String, _ body: [UInt8], _ mode: CheckMode, cuts: [Int] = [], limits: StructureLimits = .init()
) -> String {
  var judge = HeaderJudge(mode, allowsUTF8: false, limits: limits)
  do throws(HeaderFault) {
    _ = try rewriteSubmissionHeader(
      Array("MIME-Version: 1.0\r\nContent-Type: \(contentType)\r\n\r\n".utf8), received: facts(),
      messageIDDomain: "d", limits: HeaderLimits(), judge: &judge)
  } catch {
    return error.reply.text
  }
  guard var structure = judge.structure else { return "not checked" }
  for (start, end) in zip([0] + cuts, cuts + [body.count]) {
    body[start..<end].withUnsafeBytes { structure.update($0) }
  }
  let tail = structure.finish()
  return structure.refusal?.text ?? String(decoding: tail, as: UTF8.self)
}

private let mixed = "multipart/mixed; boundary=b"

private func structure(_ body: String, _ mode: CheckMode, type: String = mixed, limits: StructureLimits = .init())
  -> String
{
  structure(type, Array(body.utf8), mode, limits: limits)
}

private let twoParts =
  "preamble\r\n--b\r\n\r\none\r\n--b  \r\nContent-Type: text/html\r\n\r\n--\r\n--bb\r\n-\r\n--b--\r\n"

@Suite struct BodyStructureTests {
  @Test(arguments: [
    twoParts + "epilogue\r\n",
    // Headers alone, nothing at all, a part that ends where its header does.
    "--b\r\n--b\r\nX: y\r\n--b\r\n\r\n--b--\r\n",
    "--b\r\nContent-Type: multipart/alternative; boundary=\"c d\"\r\n\r\n--c d\r\n\r\nx\r\n--c d--\r\n\r\n--b--\r\n",
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ntext\r\n--b--\r\n",
    "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
  ])
  func whatIsInOrderPasses(_ body: String) {
    let isLoose = body.contains("--bb")
    #expect(structure(body, .repair).isEmpty)
    #expect(
      structure(body, .strict) == (isLoose ? "550 5.6.0 Part 2: a line that begins with a boundary and goes on" : ""))
    #expect(structure(body, .pass) == "not checked")
  }

  @Test func aPlainBodyHasNoStructure() {
    for mode in [CheckMode.strict, .repair] {
      #expect(structure("--b\r\n--b--\r\n--x", mode, type: "text/plain").isEmpty)
    }
  }

  /// What closes nothing is closed, inner ones first.
  @Test func missingEndsAreAdded() {
    let open = "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\nx\r\n"
    #expect(structure("--b\r\n\r\nx\r\n", .repair) == "\r\n--b--\r\n")
    #expect(structure(open, .repair) == "\r\n--c--\r\n\r\n--b--\r\n")
    #expect(structure(open + "--c--\r\n", .repair) == "\r\n--b--\r\n")
    #expect(structure("--b\r\nX: y\r\n", .repair) == "\r\n--b--\r\n")
    // An inner one ends with what is around it (RFC 2046 §5.1.2).
    #expect(structure(open + "--b--\r\n", .repair).isEmpty)
    #expect(structure(open, .strict) == "550 5.6.0 Part 1.1: a multipart that does not end with --c--")
    #expect(structure(open + "--b--\r\n", .strict) == "550 5.6.0 Part 1.1: a multipart that does not end with --c--")
    // What has been added makes it whole.
    for body in [open, "--b\r\n\r\nx\r\n", "--b\r\nX: y\r\n"] {
      #expect(structure(body + structure(body, .repair), .strict).isEmpty)
    }
  }

  @Test(arguments: [
    ("", "The message's body: a multipart that has no part: no line is --b"),
    ("text\r\n -\r\n--a\r\n", "The message's body: a multipart that has no part: no line is --b"),
    ("--b--\r\n", "The message's body: a multipart that has no part"),
    ("--b\r\n\r\n--b--\r\n--b\r\n\r\nhidden\r\n--b--\r\n", "Part 1: a part behind the closing delimiter"),
    (
      "--b\r\nContent-Type: multipart/mixed\r\n\r\n--b--\r\n", "Part 1: Content-Type is multipart and gives no boundary"
    ),
    (
      "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
      "Part 1: its boundary is also that of the multipart around it"
    ),
    (
      "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--b--\r\n",
      "Part 1: a multipart that has no part: no line is --c"
    ),
    ("--b\r\n\r\n--b\r\nglued text\r\n\r\n--b--\r\n", "Part 2: line 1 of its header is not a header field"),
    ("--b\r\nglued text\r\n--b--\r\n", "Part 1: its header does not end with a blank line"),
    (
      "--b\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n--b--\r\n",
      "Part 1: a second Content-Type field"
    ),
    (
      "--b\r\nContent-Type: multipart/mixed; boundary=c\r\nContent-Transfer-Encoding: base64\r\n\r\n--b--\r\n",
      "Part 1: a multipart cannot be encoded as base64, only its parts can"
    ),
    ("--b\r\n\r\nx\u{0}y\r\n--b--\r\n", "The message's body: a NUL character, octet 9"),
  ])
  func refusedUnlessAllPasses(body: String, reason: String) {
    for mode in [CheckMode.strict, .repair] { #expect(structure(body, mode) == "550 5.6.0 " + reason) }
    #expect(structure(body, .pass) == "not checked")
  }

  @Test(arguments: [
    ("multipart/mixed", "Content-Type is multipart and gives no boundary"),
    ("multipart/mixed; boundary=\"\"", "Content-Type is multipart and gives no boundary"),
    ("multipart/mixed; boundary=a; boundary=b", "Content-Type gives more than one boundary, or one in pieces"),
    ("multipart/mixed; boundary=a; boundary*0=b", "Content-Type gives more than one boundary, or one in pieces"),
    ("multipart/mixed; boundary*=utf-8''b", "Content-Type gives more than one boundary, or one in pieces"),
    ("multipart/mixed; boundary=\"a \"", "the boundary has characters that it must not have"),
    ("multipart/mixed; boundary=\"a\\\"b\"", "the boundary has characters that it must not have"),
  ])
  func boundaries(type: String, reason: String) {
    for mode in [CheckMode.strict, .repair] {
      #expect(structure("", mode, type: type) == "550 5.6.0 The message's header: " + reason)
    }
  }

  @Test func sloppyFieldsThatEverybodyUnderstands() {
    for type in [
      "multipart/mixed; boundary=--=_b/c", "Multipart/Mixed (really); charset=x; BOUNDARY = \"--=_b/c\";",
      "multipart/mixed;\r\n\tboundary=\"--=_b/c\" (x\\) (y))",
    ] {
      #expect(structure("----=_b/c\r\n\r\n----=_b/c--\r\n", .repair, type: type).isEmpty)
    }
    #expect(structure("", .repair, type: "multipart/mixed; boundary=\"b; x=y").contains("does not end"))
    #expect(structure("", .strict, type: "multipart/mixed; boundary=--=_b/c").hasSuffix("Content-Type is malformed"))
    #expect(structure("", .strict, type: "text").hasSuffix("Content-Type is malformed"))
    #expect(structure("", .repair, type: "text").isEmpty)
  }

  @Test func eightBitTextMustBeDeclared() {
    let part = { (encoding: String) in "--b\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\nü\r\n--b--\r\n" }
    #expect(structure(part("8bit"), .strict).isEmpty)
    for encoding in ["7bit", "quoted-printable", "base64"] {
      #expect(
        structure(part(encoding), .strict)
          == "550 5.6.0 Part 1: 8-bit characters, and Content-Transfer-Encoding does not say so")
      #expect(structure(part(encoding), .repair).isEmpty)
    }
    #expect(structure(part("utf-8"), .strict).hasSuffix("Content-Transfer-Encoding is none that can be used here"))
    #expect(structure("ü\r\n", .strict, type: "text/plain").hasPrefix("550 5.6.0 The message's body: 8-bit"))
  }

  @Test func boundsHold() {
    var limits = StructureLimits()
    (limits.partsMax, limits.depthMax, limits.partHeaderSizeMax) = (3, 2, 40)
    let part = "--b\r\n\r\n"
    #expect(structure(String(repeating: part, count: 3) + "--b--\r\n", .repair, limits: limits).isEmpty)
    #expect(
      structure(String(repeating: part, count: 4), .repair, limits: limits)
        == "550 5.6.0 Part 4: the message has more than 3 parts")
    let inner = { (rest: String) in "--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n" + rest }
    let deep = inner("Content-Type: multipart/x; boundary=d\r\n\r\n")
    var deeper = limits
    deeper.partHeaderSizeMax = 400
    #expect(structure(deep, .repair, limits: deeper).hasSuffix("more than 2 multiparts and messages within each other"))
    #expect(
      structure(inner("Content-Type: message/rfc822\r\n\r\n"), .strict, limits: deeper)
        .hasSuffix("more than 2 multiparts and messages within each other"))
    #expect(
      structure("--b\r\nX: \(String(repeating: "y", count: 90))\r\n\r\n", .repair, limits: limits)
        == "550 5.6.0 Part 1: its header is larger than 40 octets")
  }

  /// Nobody vouches for what somebody forwards.
  @Test func forwardedMessagesAreLookedIntoByTheStrictOnly() {
    let body = "--b\r\nContent-Type: message/rfc822\r\n\r\nnot a field\r\n\r\n--b--\r\n"
    #expect(structure(body, .repair).isEmpty)
    #expect(structure(body, .strict) == "550 5.6.0 Part 1: line 1 of its header is not a header field")
    let broken = "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/x\r\n\r\n\r\n--b--\r\n"
    #expect(structure(broken, .repair).isEmpty)
    #expect(structure(broken, .strict).hasSuffix("Part 1: Content-Type is multipart and gives no boundary"))
  }
}
