import Foundation

/// A report as an independent implementation reads it: Python's `email` package.
struct ParsedReport: Decodable {
  struct Part: Decodable {
    var type: String
    var encoding: String?
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
        entry = {"type": part.get_content_type(), "encoding": part.get("Content-Transfer-Encoding")}
        if entry["type"] == "message/delivery-status":
            entry["blocks"] = [{k: str(v) for k, v in block.items()} for block in part.get_payload()]
        elif part.get_content_maintype() == "text":
            entry["text"] = part.get_payload(decode=True).decode("utf-8", "replace")
        else:
            import quopri
            entry["text"] = quopri.decodestring(part.get_payload()[0].as_bytes()).decode("utf-8", "replace")
        parts.append(entry)
    print(json.dumps({"headers": {k: str(v) for k, v in message.items()}, "type": message.get_content_type(),
      "reportType": message.get_param("report-type"), "defects": defects, "parts": parts}))
    """

  static func parse(_ message: [UInt8]) throws -> ParsedReport {
    let python = Process()
    python.executableURL = URL(filePath: "/usr/bin/env")
    python.arguments = ["python3", "-c", program]
    let (input, output) = (Pipe(), Pipe())
    python.standardInput = input
    python.standardOutput = output
    try python.run()
    try input.fileHandleForWriting.write(contentsOf: Data(message))
    try input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    python.waitUntilExit()
    return try JSONDecoder().decode(ParsedReport.self, from: answer)
  }
}
