internal import MailModel

/// Judges the header of a submitted message field by field, and remembers what it says about the body.
package struct HeaderJudge: Sendable {
  /// RFC 5322 §3.6. Programs that read mail differ in which of two they show, and filters in which they judge.
  private static let once: [StaticString] = [
    "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date",
  ]

  /// What becomes of a field.
  enum Verdict {
    case keep
    case remove
    case replace([UInt8])
  }

  package let mode: CheckMode
  private let limits: StructureLimits
  private let allowsUTF8: Bool
  private var seen: Set<String> = []
  private var fields = EntityFields()
  private var kind = EntityKind()
  /// How many octets of the body had come without a blank line before them, and stand at the end of what was rewritten.
  package private(set) var gluedSize = 0

  /// - Parameter allowsUTF8: the client said SMTPUTF8 (RFC 6531).
  package init(_ mode: CheckMode, allowsUTF8: Bool, limits: StructureLimits = StructureLimits()) {
    self.mode = mode
    self.limits = limits
    self.allowsUTF8 = allowsUTF8
  }

  /// What checks the body behind this header, when that has been judged; nil: nothing does.
  package var structure: BodyStructure? {
    mode == .pass ? nil : BodyStructure(kind, mode, allowsUTF8: allowsUTF8, limits)
  }

  mutating func take(
    _ field: HeaderField, of header: [UInt8], line: Int
  ) throws(HeaderFault) -> Verdict {
    guard mode != .pass else { return .keep }
    let (name, body) = (header[field.name], header[field.body])
    if let known = Self.once.first(where: { isName(name, $0) }), !seen.insert("\(known)").inserted {
      throw .malformed(line: line, "a second \(String(decoding: name, as: UTF8.self)) field")
    }
    do throws(EntityFault) {
      if try fields.take(name, body, mode) { return .remove }
    } catch {
      throw .malformed(line: line, error.reason)
    }
    let plain = try ascii(name, body, line)
    let isSpaced = field.name.upperBound + 1 != field.body.lowerBound
    if isSpaced, mode == .strict { throw .malformed(line: line, "white space before the colon") }
    guard isSpaced || plain != nil else { return .keep }
    return .replace(Array(name) + [0x3A] + (plain ?? Array(body)) + [0x0D, 0x0A])
  }

  /// - Returns: nil when the body may stay.
  private func ascii(
    _ name: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>, _ line: Int
  ) throws(HeaderFault) -> [UInt8]? {
    guard body.contains(where: { $0 >= 0x80 }) else { return nil }
    let shown = String(decoding: name, as: UTF8.self)
    if allowsUTF8 {
      guard mode == .repair || String(validating: body, as: UTF8.self) != nil else {
        throw .notASCII(line: line, "\(shown) is not valid UTF-8 text")
      }
      return nil
    }
    if mode == .repair, let encoded = EncodedField.encode(name, body) { return encoded }
    throw .notASCII(
      line: line, "\(shown) has characters outside ASCII; encode them (RFC 2047), or say SMTPUTF8 with MAIL")
  }

  /// - Parameters:
  ///   - end: where in `size` octets the header ended.
  ///   - line: the one behind the last field.
  /// - Returns: fields to be added.
  mutating func finish(_ end: HeaderScanner.End?, of size: Int, line: Int) throws(HeaderFault) -> [UInt8] {
    guard mode != .pass else { return [] }
    if case .body(let start) = end {
      if mode == .strict { throw .malformed(line: line, "neither a header field nor the blank line before the text") }
      gluedSize = size - start
    }
    let fields = fields
    // They hold on to the header.
    self.fields = EntityFields()
    do throws(EntityFault) {
      kind = try fields.kind(mode)
    } catch {
      throw HeaderFault(Reply(550, EnhancedStatus(5, 6, 0), "The message's header: \(error.reason)"))
    }
    guard fields.hasType, !fields.hasVersion else { return [] }
    if mode == .strict {
      throw HeaderFault(
        Reply(550, EnhancedStatus(5, 6, 0), "The message's header: Content-Type without MIME-Version"))
    }
    return Array("MIME-Version: 1.0\r\n".utf8)
  }
}

extension HeaderFault {
  /// RFC 6531 §3.5 and RFC 5248 §2.4: a header in UTF-8 and no SMTPUTF8.
  static func notASCII(line: Int, _ why: String) -> HeaderFault {
    HeaderFault(Reply(550, EnhancedStatus(5, 6, 9), "Header line \(line): \(why)"))
  }
}
