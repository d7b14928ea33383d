/// The domain of the first mailbox in the body of a `From` field (RFC 5322 §3.4), in lower case.
///
/// It decides whose key signs and nothing else; whoever may not send from there has been refused before. So what cannot be
/// read for certain has no domain.
func firstDomain(_ body: ArraySlice<UInt8>) -> String? {
  var reader = MailboxReader(body)
  guard let address = reader.firstAddress(), let at = address.lastIndex(of: 0x40) else { return nil }
  let domain = address[(at + 1)...]
  let isName = domain.allSatisfy {
    $0 >= 0x80 || $0 == 0x2D || $0 == 0x2E || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
      || (0x61...0x7A).contains($0)
  }
  guard isName, !domain.isEmpty, let text = String(validating: domain, as: UTF8.self) else { return nil }
  return text.lowercased()
}

private struct MailboxReader {
  private let bytes: ArraySlice<UInt8>
  private var index: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  /// Without white space, comments and quoted strings: those are no part of a domain. An address in angle brackets goes
  /// before everything else.
  mutating func firstAddress() -> [UInt8]? {
    var plain: [UInt8] = []
    var angle: [UInt8]?
    var isInAngle = false
    while index < bytes.endIndex {
      let byte = bytes[index]
      switch byte {
      case 0x22: guard skipQuoted() else { return nil }
      case 0x28: guard skipComment() else { return nil }
      case 0x3C:
        guard angle == nil else { return nil }
        (angle, isInAngle) = ([], true)
        index += 1
      case 0x3E:
        guard isInAngle else { return nil }
        isInAngle = false
        index += 1
      case 0x2C where !isInAngle: return angle ?? plain
      // A group, or a route: neither names an author.
      case 0x3A, 0x3B, 0x5B: return nil
      default:
        if ![0x20, 0x09, 0x0D, 0x0A].contains(byte) {
          if isInAngle { angle?.append(byte) } else { plain.append(byte) }
        }
        index += 1
      }
    }
    return isInAngle ? nil : angle ?? plain
  }

  private mutating func skipQuoted() -> Bool {
    index += 1
    while index < bytes.endIndex {
      if bytes[index] == 0x22 {
        index += 1
        return true
      }
      index += bytes[index] == 0x5C ? 2 : 1
    }
    return false
  }

  private mutating func skipComment() -> Bool {
    var depth = 0
    while index < bytes.endIndex {
      switch bytes[index] {
      case 0x28: depth += 1
      case 0x29: depth -= 1
      case 0x5C: index += 1
      default: break
      }
      index += 1
      if depth == 0 { return true }
    }
    return false
  }
}
