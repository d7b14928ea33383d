/// Makes text from outside safe for a log, a table or a terminal.
///
/// Control characters (C0, DEL, C1, with CR, LF and ESC), bidirectional overrides, line and paragraph separators,
/// other invisible format characters and unassigned code points are written as `\xNN` or `\u{N}`; a backslash is
/// doubled, so that the result can be read back without doubt. Everything else stays as it is.
/// - Parameter limit: at most this many characters (Unicode scalars) of `text` are kept; what follows is replaced by
///   `…(+N)`, N being the number of bytes left out.
package func escaped(_ text: String, limit: Int = 1024) -> String {
  if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x5C }) { return text }
  var result = ""
  result.reserveCapacity(min(text.utf8.count, limit * 4) + 16)
  var kept = 0
  var bytesKept = 0
  for scalar in text.unicodeScalars {
    if kept == limit {
      result += "…(+\(text.utf8.count - bytesKept))"
      break
    }
    appendEscaped(scalar, to: &result)
    kept += 1
    bytesKept += UTF8.width(scalar)
  }
  return result
}

/// The same for bytes that need not be UTF-8: what belongs to no character becomes U+FFFD.
package func escaped(bytes: some Collection<UInt8>, limit: Int = 1024) -> String {
  escaped(String(decoding: bytes, as: UTF8.self), limit: limit)
}

private func appendEscaped(_ scalar: Unicode.Scalar, to result: inout String) {
  switch scalar.value {
  case 0x5C: result += "\\\\"
  case 0x20..<0x7F: result.unicodeScalars.append(scalar)
  case 0..<0x80: result += "\\x" + hexadecimal(scalar.value, digits: 2)
  default:
    if isSteering(scalar) {
      result += "\\u{" + hexadecimal(scalar.value, digits: 1) + "}"
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
}

/// Whether a character can move, hide or reorder what a reader sees.
func isSteering(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
  default: false
  }
}

func hexadecimal(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// Makes encoded JSON safe to look at: characters that could steer a terminal become `\uNNNN`, which means the same.
package func escaped(json: String) -> String {
  if !json.unicodeScalars.contains(where: { $0.value >= 0x7F && isSteering($0) }) { return json }
  var result = ""
  for scalar in json.unicodeScalars {
    if scalar.value >= 0x7F, isSteering(scalar) {
      for unit in String(scalar).utf16 { result += "\\u" + hexadecimal(UInt32(unit), digits: 4) }
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}
