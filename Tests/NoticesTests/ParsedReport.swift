import Foundation

/// A report as an independent implementation reads it: Python's `email` package.
struct ParsedReport: Decodable {
  struct Part: Decodable {
    var type: String
    var encoding: String?
    var language: String?
    var text: String?
    /// Of a delivery-status part: one dictionary per block.
    var blocks: [[String: String]]?
  }

  var headers: [String: String]
  var type: String
  var reportType: String?
  var defects: [String]
  var parts: [Part]

  private static let program = """
    import sys, json, email, email.policy
    raw = sys.stdin.buffer.read()
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    parts = [message] + message.get_payload()
    # message/global-headers in quoted-printable (RFC 6533) is a header that this parser takes for a bare message.
    parts += [inner for part in parts if part.get_content_type() == "message/delivery-status" for inner in part.get_payload()]
    defects = [repr(d) for part in parts for d in part.defects]
    parts = []
    for part in message.get_payload():
        entry = {"type": part.get_content_type(), "encoding": part.get("Content-Transfer-Encoding"), "language": part.get("Content-Language")}
        if entry["type"] == "message/delivery-status":
            entry["blocks"] = [{k: str(v) for k, v in block.items()} for block in part.get_payload()]
        elif entry["type"] == "message/global-delivery-status":
            # Blocks as in message/delivery-status, in UTF-8 (RFC 6533); this parser does not know the type.
            start = raw.index(b"message/global-delivery-status")
            start = raw.index(b"\\r\\n\\r\\n", start) + 4
            text = raw[start:raw.index(b"\\r\\n--=_", start)]
            inner = [email.message_from_bytes(block, policy=email.policy.SMTPUTF8) for block in text.split(b"\\r\\n\\r\\n") if block.strip()]
            defects += [repr(d) for block in inner for d in block.defects]
            entry["blocks"] = [{k: str(v) for k, v in block.items()} for block in inner]
        elif entry["type"] in ("message/rfc822", "message/global"):
            entry["text"] = part.get_payload()[0].as_bytes().decode("utf-8", "replace")
        elif part.get_content_maintype() == "text":
            entry["text"] = part.get_payload(decode=True).decode("utf-8", "replace")
        else:
            import quopri
            entry["text"] = quopri.decodestring(part.get_payload()[0].as_bytes()).decode("utf-8", "replace")
        parts.append(entry)
    print(json.dumps({"headers": {k: str(v) for k, v in message.items()}, "type": message.get_content_type(),
      "reportType": message.get_param("report-type"), "defects": defects, "parts": parts}))
    """

  /// The recipients that a bounce parser finds (Debian's python3-flufl.bounce, which Mailman uses).
  struct Failures: Decodable, Equatable {
    var temporary: [String]
    var permanent: [String]
  }

  private static let bounceProgram = """
    import sys, json, email
    from flufl.bounce import all_failures
    found = all_failures(email.message_from_bytes(sys.stdin.buffer.read()))
    print(json.dumps(dict(zip(("temporary", "permanent"), [sorted(a.decode() for a in kind) for kind in found]))))
    """

  static func failures(_ message: [UInt8]) throws -> Failures {
    try JSONDecoder().decode(
      Failures.self, from: run(["/usr/bin/python3", "-W", "ignore", "-c", bounceProgram], message))
  }

  static func parse(_ message: [UInt8]) throws -> ParsedReport {
    try JSONDecoder().decode(ParsedReport.self, from: run(["python3", "-c", program], message))
  }

  private static func run(_ command: [String], _ message: [UInt8]) throws -> Data {
    let python = Process()
    python.executableURL = URL(filePath: "/usr/bin/env")
    python.arguments = command
    let (input, output) = (Pipe(), Pipe())
    python.standardInput = input
    python.standardOutput = output
    try python.run()
    try input.fileHandleForWriting.write(contentsOf: Data(message))
    try input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    python.waitUntilExit()
    return answer
  }
}
