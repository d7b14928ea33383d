/// A secret that is the only line of a file, as a password or a key of another program's is handed over.
package enum SecretLine {
  /// - Returns: the line without its end.
  /// - Throws: `.file` when it cannot be read or others can; `.malformed` when there are several lines or none.
  package static func read(_ file: String) throws(CryptographyFailure) -> [UInt8] {
    var octets = try SecretFile.read(file)
    if octets.last == 0x0A { octets.removeLast() }
    if octets.last == 0x0D { octets.removeLast() }
    guard !octets.isEmpty, !octets.contains(0x0A) else {
      throw CryptographyFailure(.malformed, "\(file) is not one line")
    }
    return octets
  }
}
