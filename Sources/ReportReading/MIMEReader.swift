/// Bounds on a report. What goes beyond them is not looked at; nothing is ever refused for it.
struct MIMELimits {
  /// Multiparts within multiparts.
  var depthMax = 4
  /// Leaves of the tree.
  var partsMax = 32
  /// Fields of one header section.
  var fieldsMax = 200
  /// Octets of one field, unfolded.
  var fieldBytesMax = 4096
  /// Octets of one part after its transfer encoding has been undone.
  var decodedMax = 128 << 10
}

/// One leaf of a message's MIME structure (RFC 2045, RFC 2046), or the whole message when it has none.
struct MIMEPart {
  let fields: [MIMEField]
  /// As it came: the transfer encoding is not undone.
  let body: ArraySlice<UInt8>
  /// `text/plain`, in lower case.
  let type: String
  let limits: MIMELimits

  func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The body without its transfer encoding (RFC 2045 §6), up to the limit.
  var decoded: [UInt8] {
    let source = body.prefix(limits.decodedMax * 2)
    let bytes: [UInt8] =
      switch field("content-transfer-encoding")?.lowercased().trimmed {
      case "base64": TransferEncoding.base64(source)
      case "quoted-printable": TransferEncoding.quotedPrintable(source)
      default: Array(source)
      }
    return Array(bytes.prefix(limits.decodedMax))
  }
}

/// One header field, unfolded. The name is in lower case.
struct MIMEField {
  let name: String
  var value: String
}

/// Takes a message apart without trusting any of it: whatever the octets are, the work is proportional to their number
/// times `depthMax`, and something comes out.
struct MIMEReader {
  private let limits: MIMELimits
  private(set) var leaves: [MIMEPart] = []
  /// The fields of the message itself.
  private(set) var header: [MIMEField] = []
  /// Of the message itself, or of the first multipart within it that has one: `delivery-status`, `feedback-report`.
  private(set) var reportType: String?

  init(_ message: ArraySlice<UInt8>, limits: MIMELimits = MIMELimits()) {
    self.limits = limits
    walk(message, depth: 0, inDigest: false)
  }

  private mutating func walk(_ bytes: ArraySlice<UInt8>, depth: Int, inDigest: Bool) {
    guard leaves.count < limits.partsMax else { return }
    let (fields, body) = Self.splitHeader(bytes, limits)
    if depth == 0 { header = fields }
    let content = ContentType(fields.first { $0.name == "content-type" }?.value ?? "")
    if content.type.hasPrefix("multipart/"), depth < limits.depthMax, let boundary = content.parameters["boundary"] {
      if content.type == "multipart/report", reportType == nil {
        reportType = content.parameters["report-type"]?.lowercased()
      }
      let parts = Self.split(body, boundary: boundary, partsMax: limits.partsMax)
      // No delimiter at all: the structure is broken, and its text may still say something.
      if !parts.isEmpty {
        for part in parts { walk(part, depth: depth + 1, inDigest: content.type == "multipart/digest") }
        return
      }
    }
    let type = content.type.isEmpty ? (inDigest ? "message/rfc822" : "text/plain") : content.type
    leaves.append(MIMEPart(fields: fields, body: body, type: type, limits: limits))
  }
}

extension MIMEReader {
  /// Reads fields up to the blank line, or to the first line that cannot be one: then the body begins there.
  static func splitHeader(
    _ bytes: ArraySlice<UInt8>, _ limits: MIMELimits
  ) -> (fields: [MIMEField], body: ArraySlice<UInt8>) {
    var fields: [MIMEField] = []
    var lines = LineReader(bytes)
    var isFirst = true
    while true {
      let start = lines.position
      guard let line = lines.next() else { return (fields, bytes[bytes.endIndex...]) }
      if line.isEmpty { return (fields, bytes[lines.position...]) }
      defer { isFirst = false }
      if line.first == 0x20 || line.first == 0x09 {
        guard !fields.isEmpty else { return (fields, bytes[start...]) }
        append(line, to: &fields[fields.count - 1], limits)
        continue
      }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let name = fieldName(line[..<colon]) else {
        // A mailbox file's separator may have been left in front.
        if isFirst, line.starts(with: Array("From ".utf8)) || line.starts(with: Array(">From ".utf8)) { continue }
        return (fields, bytes[start...])
      }
      guard fields.count < limits.fieldsMax else { continue }
      var field = MIMEField(name: name, value: "")
      append(line[(colon + 1)...], to: &field, limits)
      fields.append(field)
    }
  }

  private static func append(_ line: ArraySlice<UInt8>, to field: inout MIMEField, _ limits: MIMELimits) {
    let room = limits.fieldBytesMax - field.value.utf8.count
    guard room > 0 else { return }
    let text = Text.decode(line.prefix(room)).trimmed
    field.value += field.value.isEmpty ? text : " " + text
  }

  private static func fieldName(_ bytes: ArraySlice<UInt8>) -> String? {
    var name = bytes
    while name.last == 0x20 || name.last == 0x09 { name.removeLast() }
    guard (1...128).contains(name.count), name.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    return String(decoding: name, as: UTF8.self).lowercased()
  }

  /// The parts between the delimiter lines (RFC 2046 §5.1.1). The last one may lack its end.
  static func split(_ body: ArraySlice<UInt8>, boundary: String, partsMax: Int) -> [ArraySlice<UInt8>] {
    let delimiter = Array("--".utf8) + Array(boundary.utf8)
    // RFC 2046 allows 70 characters; more than that many octets more are nobody's boundary.
    guard delimiter.count > 2, delimiter.count <= 256 else { return [] }
    var parts: [ArraySlice<UInt8>] = []
    var begin: Int?
    var lines = LineReader(body)
    var start = lines.position
    while let line = lines.next() {
      if line.starts(with: delimiter) {
        let rest = line.dropFirst(delimiter.count)
        let isEnd = rest.starts(with: [0x2D, 0x2D])
        if isEnd || rest.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
          if let begin { parts.append(body[begin..<start]) }
          begin = isEnd ? nil : lines.position
          if isEnd || parts.count >= partsMax { return parts }
        }
      }
      start = lines.position
    }
    if let begin { parts.append(body[begin...]) }
    return parts
  }
}

/// Lines that end in CRLF, or in LF or CR alone: reports pass through many hands.
struct LineReader {
  private let bytes: ArraySlice<UInt8>
  /// Where the next line begins.
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Without its end.
  mutating func next() -> ArraySlice<UInt8>? {
    guard position < bytes.endIndex else { return nil }
    let start = position
    guard let end = bytes[start...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else {
      position = bytes.endIndex
      return bytes[start...]
    }
    let isPair = bytes[end] == 0x0D && end + 1 < bytes.endIndex && bytes[end + 1] == 0x0A
    position = end + (isPair ? 2 : 1)
    return bytes[start..<end]
  }
}

/// `type/subtype; name=value; …` (RFC 2045 §5.1), as far as it can be read.
struct ContentType {
  var type = ""
  var parameters: [String: String] = [:]

  init(_ text: String) {
    var pieces = Self.pieces(text)
    guard !pieces.isEmpty else { return }
    type = String(pieces.removeFirst().lowercased().trimmed.prefix { $0 != " " && $0 != "\t" })
    for piece in pieces.prefix(16) {
      guard let equals = piece.firstIndex(of: "=") else { continue }
      let name = piece[..<equals].lowercased().trimmed
      let value = Self.unquoted(piece[piece.index(after: equals)...].trimmed)
      if parameters[name] == nil, !value.isEmpty { parameters[name] = value }
    }
  }

  /// Cut at semicolons outside of quotes.
  private static func pieces(_ text: String) -> [String] {
    var pieces = [""]
    var (isQuoted, isEscaped) = (false, false)
    for character in text {
      if isEscaped {
        isEscaped = false
      } else if character == "\\", isQuoted {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
      } else if character == ";", !isQuoted {
        pieces.append("")
        continue
      }
      pieces[pieces.count - 1].append(character)
    }
    return pieces
  }

  private static func unquoted(_ text: String) -> String {
    guard text.first == "\"" else { return String(text.prefix { $0 != " " && $0 != "\t" }) }
    var result = ""
    var isEscaped = false
    for character in text.dropFirst() {
      if !isEscaped, character == "\"" { break }
      if !isEscaped, character == "\\" {
        isEscaped = true
        continue
      }
      isEscaped = false
      result.append(character)
    }
    return result
  }
}
