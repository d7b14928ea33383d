/// An enhanced status code (RFC 3463): `5.1.1`.
public struct EnhancedStatus: Hashable, Sendable {
  /// 2 success, 4 persistent transient failure, 5 permanent failure.
  public let kind: UInt8
  public let subject: UInt16
  public let detail: UInt16

  public init(_ kind: UInt8, _ subject: UInt16, _ detail: UInt16) {
    self.kind = kind
    self.subject = subject
    self.detail = detail
  }
}

extension EnhancedStatus: CustomStringConvertible, LosslessStringConvertible {
  public var description: String { "\(kind).\(subject).\(detail)" }

  /// Reads `class.subject.detail`; nil when it is not exactly that (class 2, 4 or 5, up to three digits each).
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3,
      parts.allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let kind = UInt8(parts[0]), [2, 4, 5].contains(kind), let subject = UInt16(parts[1]),
      let detail = UInt16(parts[2])
    else { return nil }
    self.init(kind, subject, detail)
  }
}

/// A reply as one end of an SMTP conversation said it (RFC 5321 §4.2).
///
/// Lines are bytes: a remote server may send any charset, or none.
public struct Reply: Hashable, Sendable {
  /// 200...599.
  public let code: Int
  /// The enhanced code that every line carried, already cut off the lines.
  public let enhanced: EnhancedStatus?
  /// The text of each line without code, separator, enhanced code and CRLF. Never empty.
  public let lines: [[UInt8]]

  public init(code: Int, enhanced: EnhancedStatus?, lines: [[UInt8]]) {
    self.code = code
    self.enhanced = enhanced
    self.lines = lines.isEmpty ? [[]] : lines
  }

  public init(_ code: Int, _ enhanced: EnhancedStatus?, _ text: String) {
    self.init(
      code: code, enhanced: enhanced,
      lines: text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.utf8) })
  }

  public var isPositive: Bool { code < 400 }
  public var isTransient: Bool { (400..<500).contains(code) }
  public var isPermanent: Bool { code >= 500 }

  /// Code, enhanced code and the lines joined by spaces; broken UTF-8 is replaced. It is *not* escaped:
  /// pass it through `Observability`'s escaping before a log, a table or a terminal sees it.
  public var text: String {
    let words = lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    return [String(code), enhanced?.description, words.isEmpty ? nil : words].compactMap(\.self).joined(separator: " ")
  }
}
