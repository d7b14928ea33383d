import SMTPWire

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Encoded words (RFC 2047), undone to see what a reader will see.
struct EncodedWord {
  private let charset: String
  private let bytes: [UInt8]
  /// Where it ends in the text that it was found in.
  private let end: Int

  /// The text with every `=?charset?encoding?text?=` in it decoded; what cannot be decoded stays.
  /// - Returns: also whether it was nothing but encoded words.
  static func decode(_ source: String) -> (text: String, isEncoded: Bool) {
    let text = Array(source.utf8)
    var (result, pending, position) = ("", [EncodedWord](), 0)
    var isEncoded = false
    while let (word, start) = first(in: text, from: position) {
      let before = text[position..<start]
      let isJoined = !pending.isEmpty && before.allSatisfy { $0 == 0x20 || $0 == 0x09 }
      if !isJoined {
        isEncoded = position == 0 && before.isEmpty
        result += shown(pending) + String(decoding: before, as: UTF8.self)
        pending = []
      }
      pending.append(word)
      position = word.end
    }
    if position < text.count { isEncoded = false }
    return (result + shown(pending) + String(decoding: text[position...], as: UTF8.self), isEncoded)
  }

  private static func first(in text: [UInt8], from position: Int) -> (EncodedWord, start: Int)? {
    var start = position
    while start + 1 < text.count {
      if text[start] == UInt8(ascii: "="), text[start + 1] == UInt8(ascii: "?"), let word = EncodedWord(text, at: start)
      {
        return (word, start)
      }
      start += 1
    }
    return nil
  }

  /// Words of one charset that stand together; a character may be divided between them, although it must not be.
  private static func shown(_ words: [EncodedWord]) -> String {
    var (result, bytes, charset) = ("", [UInt8](), "")
    for word in words {
      if word.charset != charset {
        result += decoded(bytes, charset)
        bytes = []
      }
      bytes += word.bytes
      charset = word.charset
    }
    return result + decoded(bytes, charset)
  }

  /// A word that begins with the `=?` at this place. Some programs make them longer than the 75 octets of RFC 2047 §2.
  private init?(_ text: [UInt8], at start: Int) {
    let mark = UInt8(ascii: "?")
    let limit = min(text.count, start + 1000)
    guard let first = text[start + 2..<min(limit, start + 80)].firstIndex(of: mark), first > start + 2,
      first + 2 < limit, text[first + 2] == mark,
      let last = text[first + 3..<limit].firstIndex(of: mark), last + 1 < text.count,
      text[last + 1] == UInt8(ascii: "=")
    else { return nil }
    // RFC 2231 §5: a language may follow the charset.
    charset = String(decoding: text[start + 2..<first].prefix { $0 != UInt8(ascii: "*") }, as: UTF8.self).lowercased()
    end = last + 2
    let encoded = text[first + 3..<last]
    switch text[first + 1] | 0x20 {
    case UInt8(ascii: "b"): bytes = Self.base64(encoded)
    case UInt8(ascii: "q"): bytes = Self.quoted(Array(encoded))
    default: return nil
    }
  }

  private static func quoted(_ text: [UInt8]) -> [UInt8] {
    var (result, index) = ([UInt8](), 0)
    while index < text.count {
      if text[index] == UInt8(ascii: "="), index + 2 < text.count,
        let byte = UInt8(String(decoding: text[index + 1...index + 2], as: UTF8.self), radix: 16)
      {
        result.append(byte)
        index += 3
      } else {
        result.append(text[index] == UInt8(ascii: "_") ? 0x20 : text[index])
        index += 1
      }
    }
    return result
  }

  /// Whatever is no digit is passed over, as tolerant readers do.
  private static func base64(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var (result, bits, count) = ([UInt8](), UInt32(0), 0)
    for byte in text {
      guard let value = Base64.value(byte) else { continue }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return result
  }

  /// Text in any charset that the C library knows; of another one, ASCII shows through.
  private static func decoded(_ bytes: [UInt8], _ charset: String) -> String {
    if bytes.isEmpty { return "" }
    if charset == "utf-8" || charset == "us-ascii" { return String(decoding: bytes, as: UTF8.self) }
    let converter = iconv_open("UTF-8", charset)
    guard converter != iconv_t(bitPattern: -1), let converter else { return String(decoding: bytes, as: UTF8.self) }
    defer { iconv_close(converter) }
    var (input, output) = (bytes.map { CChar(bitPattern: $0) }, [CChar](repeating: 0, count: bytes.count * 16 + 64))
    let size = output.count
    let written = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        var (from, to) = (input.baseAddress, output.baseAddress)
        var (left, room) = (input.count, size)
        // What cannot be converted is left out, octet by octet.
        while left > 0, iconv(converter, &from, &left, &to, &room) == -1, errno != E2BIG, left > 0 {
          from = from?.advanced(by: 1)
          left -= 1
        }
        return size - room
      }
    }
    return String(decoding: output[..<written].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
