/// What clamd answers to INSTREAM: one text that a NUL ends (clamd(8), "z" commands).
enum ClamdReply {
  /// Longer answers are none.
  static let sizeMax = 4096

  /// - Parameter bytes: all that came, with the NUL.
  static func parse(_ bytes: [UInt8]) throws(ScannerFailure) -> MalwareVerdict {
    guard let end = bytes.firstIndex(of: 0) else {
      throw bytes.isEmpty
        ? .unreachable("it closed the connection without an answer") : .garbage("no end: \(plainWords(bytes))")
    }
    let text = bytes[..<end]
    let prefix = Array("stream: ".utf8)
    let (found, error) = (Array(" FOUND".utf8), Array("ERROR".utf8))
    if text.suffix(error.count).elementsEqual(error) {
      let words = plainWords(text)
      throw words.contains("size limit exceeded") ? .tooLarge : .refused(words)
    }
    guard text.starts(with: prefix) else { throw .garbage(plainWords(text)) }
    let said = text.dropFirst(prefix.count)
    if said.elementsEqual("OK".utf8) { return .clean }
    guard said.count > found.count, said.suffix(found.count).elementsEqual(found) else {
      throw .garbage(plainWords(text))
    }
    return .infected(plainWords(said.dropLast(found.count)))
  }

  /// What VERSION answers: `ClamAV 1.4.3/27500/Mon Jan  5 09:00:00 2026`; the last two only with official signatures.
  static func version(_ bytes: [UInt8]) throws(ScannerFailure) -> ClamdVersion {
    guard let end = bytes.firstIndex(of: 0), bytes.starts(with: Array("ClamAV ".utf8)) else {
      throw .garbage(plainWords(bytes))
    }
    let parts = plainWords(bytes[..<end]).split(separator: "/", maxSplits: 2).map(String.init)
    return ClamdVersion(
      program: parts[0], signatures: parts.count > 2 ? parts[1] : nil, signatureDate: parts.count > 2 ? parts[2] : nil)
  }
}

/// What clamd says about itself.
package struct ClamdVersion: Sendable, Hashable {
  package let program: String
  /// The number of the official signatures; nil: it has only others.
  package let signatures: String?
  /// As C's `ctime` writes it, in the scanner's time zone.
  package let signatureDate: String?
}
