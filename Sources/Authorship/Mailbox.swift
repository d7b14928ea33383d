package import MailModel
import SMTPWire

/// One mailbox of a `From` or `Sender` field (RFC 5322 §3.4).
package struct Mailbox: Sendable, Hashable {
  /// What people see beside or instead of the address: quotes, encoded words and comments undone, joined by blanks.
  package let displayName: String
  package let address: MailAddress
}

/// Why a field's mailboxes cannot be told for certain.
package struct MailboxFault: Error, Sendable, Hashable {
  /// The rest of a sentence about the field: "has …".
  package let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Reads mailbox lists so strictly that everybody who reads them later sees the same addresses.
///
/// Taken is `mailbox-list` of RFC 5322 §3.4 with the UTF-8 of RFC 6532, dots in display names (§4.1), folds between
/// tokens, and one level of comments outside addresses. Refused is what readers disagree about: groups, comments and
/// white space within addresses, routes, empty list members, and anything left over.
package struct MailboxParser {
  /// Of one field. Hundreds of authors fit.
  private static let sizeMax = 32 << 10

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  /// What has been seen of the current mailbox's display name.
  private var words: [DisplayWord] = []

  private init(_ body: ArraySlice<UInt8>) {
    bytes = body
    position = body.startIndex
  }

  /// - Parameter body: of the field, behind its colon, with its folds and without the last CRLF.
  /// - Returns: at least one.
  package static func mailboxes(_ body: ArraySlice<UInt8>) throws(MailboxFault) -> [Mailbox] {
    guard body.count <= sizeMax else { throw MailboxFault("is longer than \(sizeMax) octets") }
    guard String(validating: body, as: UTF8.self) != nil else { throw MailboxFault("is not valid UTF-8 text") }
    var parser = MailboxParser(body)
    var mailboxes: [Mailbox] = []
    repeat { mailboxes.append(try parser.mailbox()) } while try parser.takeComma()
    return mailboxes
  }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// `name-addr` or `addr-spec`.
  private mutating func mailbox() throws(MailboxFault) -> Mailbox {
    words = []
    while true {
      let isAttached = try !skipBlanksAndComments()
      switch next {
      case nil, UInt8(ascii: ","): throw MailboxFault("has an empty place where an address should be")
      case UInt8(ascii: "<"): return try angled()
      case UInt8(ascii: "\""):
        let start = position
        let quoted = try quotedString()
        if next == UInt8(ascii: "@") { return try bare(from: start) }
        words.append(DisplayWord(kind: .quoted, source: quoted, isAttached: isAttached))
      case UInt8(ascii: ":"), UInt8(ascii: ";"): throw MailboxFault("has a group, where only addresses may stand")
      default:
        let start = position
        try word()
        if next == UInt8(ascii: "@") { return try bare(from: start) }
        let source = String(decoding: bytes[start..<position], as: UTF8.self)
        words.append(DisplayWord(kind: .atom, source: source, isAttached: isAttached))
      }
    }
  }

  /// An atom, with dots wherever people put them.
  private mutating func word() throws(MailboxFault) {
    let start = position
    while let byte = next, isWordByte(byte) { position += 1 }
    guard position > start else { throw MailboxFault("has a character that does not belong there") }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != 0x7F && !"()<>[]:;@\\,\"".utf8.contains(byte)
  }

  private mutating func angled() throws(MailboxFault) -> Mailbox {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: ">") { position += byte == UInt8(ascii: "\"") ? try quotedLength() : 1 }
    let address = try address(bytes[start..<position])
    guard take(">") else { throw MailboxFault("has an address without its >") }
    return try ended(address)
  }

  private mutating func bare(from start: Int) throws(MailboxFault) -> Mailbox {
    guard words.isEmpty || words.allSatisfy({ $0.kind == .comment }) else {
      throw MailboxFault("has an address that does not stand in < >, behind a name")
    }
    while let byte = next, byte != UInt8(ascii: ","), byte != UInt8(ascii: "("), !isBlank(byte) { position += 1 }
    return try ended(address(bytes[start..<position]))
  }

  /// The address is read; behind it are only blanks and comments before the comma or the end.
  private mutating func ended(_ address: MailAddress) throws(MailboxFault) -> Mailbox {
    _ = try skipBlanksAndComments()
    guard next == nil || next == UInt8(ascii: ",") else { throw MailboxFault("has something behind an address") }
    return Mailbox(displayName: DisplayWord.text(words), address: address)
  }

  private func address(_ text: ArraySlice<UInt8>) throws(MailboxFault) -> MailAddress {
    do throws(AddressFault) {
      return try PathParser.mailbox(text)
    } catch {
      throw MailboxFault("has a malformed address: \(error.reason)")
    }
  }

  private mutating func takeComma() throws(MailboxFault) -> Bool { take(",") }
}

extension MailboxParser {
  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }

  /// - Returns: whether there were any.
  private mutating func skipBlanksAndComments() throws(MailboxFault) -> Bool {
    let start = position
    while let byte = next {
      if isBlank(byte) {
        position += 1
      } else if byte == UInt8(ascii: "(") {
        words.append(DisplayWord(kind: .comment, source: try comment(), isAttached: false))
      } else {
        break
      }
    }
    return position > start
  }

  private mutating func comment() throws(MailboxFault) -> String {
    position += 1
    return try delimited(by: UInt8(ascii: ")"), "a comment") { $0 != UInt8(ascii: "(") }
  }

  private mutating func quotedString() throws(MailboxFault) -> String {
    position += 1
    return try delimited(by: UInt8(ascii: "\""), "a quoted string") { _ in true }
  }

  private func quotedLength() throws(MailboxFault) -> Int {
    var copy = self
    _ = try copy.quotedString()
    return copy.position - position
  }

  /// What stands before the closing character, with its quoted pairs and folds undone; behind that character next.
  private mutating func delimited(
    by end: UInt8, _ what: String, _ mayHold: (UInt8) -> Bool
  ) throws(MailboxFault) -> String {
    var content: [UInt8] = []
    while let byte = next {
      position += 1
      if byte == end { return String(decoding: content, as: UTF8.self) }
      guard mayHold(byte) else { throw MailboxFault("has \(what) within another") }
      if byte == UInt8(ascii: "\\") {
        guard let quoted = next, quoted >= 0x20 || quoted == 0x09, quoted != 0x7F else {
          throw MailboxFault("has a malformed quoted pair")
        }
        position += 1
        content.append(quoted)
      } else if byte != 0x0D && byte != 0x0A {
        content.append(byte)
      }
    }
    throw MailboxFault("has \(what) that does not end")
  }
}
