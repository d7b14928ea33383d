/// Masks the password in a URL (`scheme://user:password@host`, `?password=…`) or a libpq keyword string.
package func redacted(_ text: String) -> String {
  var result = text
  if let slashes = result.firstRange(of: "://"), let at = result.lastIndex(of: "@"), slashes.upperBound < at,
    let colon = result[slashes.upperBound..<at].firstIndex(of: ":")
  {
    result.replaceSubrange(result.index(after: colon)..<at, with: "***")
  }
  for word in ["password=", "passfile="] {
    var from = result.startIndex
    while let found = result[from...].firstRange(of: word) {
      let value = result[found.upperBound...]
      let end: String.Index
      if value.first == "'" {
        end = value.dropFirst().firstIndex(of: "'").map { result.index(after: $0) } ?? result.endIndex
      } else {
        end = value.firstIndex { $0 == "&" || $0 == " " } ?? result.endIndex
      }
      let offset = result.distance(from: result.startIndex, to: found.upperBound)
      result.replaceSubrange(found.upperBound..<end, with: "***")
      from = result.index(result.startIndex, offsetBy: offset + 3)
    }
  }
  return result
}
