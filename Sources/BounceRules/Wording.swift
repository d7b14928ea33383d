internal import MailModel

/// Marks that stand for what is no wording. A rule never sees the name itself, unless it asks for a known host or link.
enum Mark {
  static let address: UInt8 = 1
  static let host: UInt8 = 2
  static let ip: UInt8 = 3
  static let link: UInt8 = 4
  static let name: UInt8 = 5
  /// The end of a sentence: no phrase reaches across.
  static let stop: UInt8 = 6
}

/// The wording of a reply in the form that phrases are looked for: lower case without accents, one blank between
/// words and at both ends, addresses, hosts, links, paths and quoted names replaced by marks.
struct Wording {
  var bytes: [UInt8] = [0x20]
  /// Where in `bytes` each line begins.
  var lineStarts: [Int] = []
  /// The first code and enhanced code that stand on their own, where the caller knows none.
  var foundCode: Int?
  var foundStatus: EnhancedStatus?
  /// IP addresses that are named, as written.
  var addresses: [[UInt8]] = []
  /// Bytes looked at, as a measure of the work that does not depend on the machine.
  var steps = 0
  let knownNames: [[UInt8]]

  /// - Parameters:
  ///   - lines: without line ends; already UTF-8 (`Charset.unified`).
  ///   - names: words that are known to be names, in lower case.
  init(lines: [ArraySlice<UInt8>], names: [[UInt8]]) {
    knownNames = names
    bytes.reserveCapacity(lines.reduce(2) { $0 + $1.count + 2 })
    for line in lines {
      lineStarts.append(bytes.count)
      read(line)
    }
  }

  func line(of place: Int) -> Int { (lineStarts.lastIndex { $0 <= place } ?? 0) }

  private mutating func read(_ line: ArraySlice<UInt8>) {
    var place = line.startIndex
    while place < line.endIndex {
      let byte = line[place]
      if Self.separates(byte, line, place) {
        separate(byte, line, place)
        place += 1
        continue
      }
      var end = place
      while end < line.endIndex, !Self.separates(line[end], line, end) { end += 1 }
      if isLinkStart(line, place, end) {
        while end < line.endIndex, !Self.endsLink(line[end]) { end += 1 }
        steps += end - place
        appendLink(line[place..<end])
      } else {
        steps += end - place
        token(line[place..<end], in: line)
      }
      place = end
    }
  }

  private mutating func separate(_ byte: UInt8, _ line: ArraySlice<UInt8>, _ place: Int) {
    steps += 1
    guard
      byte == UInt8(ascii: ":") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
    else { return }
    let next = place + 1
    if next == line.endIndex || line[next] <= 0x20 { stop() }
  }

  mutating func stop() {
    if bytes.count >= 2, bytes[bytes.count - 2] == Mark.stop { return }
    bytes.append(Mark.stop)
    bytes.append(0x20)
  }

  /// Blanks and the punctuation around words. Dots, hyphens, slashes and the like belong to tokens.
  private static func separates(_ byte: UInt8, _ line: ArraySlice<UInt8>, _ place: Int) -> Bool {
    switch byte {
    case 0...0x20, 0x7F: true
    case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["),
      UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: ","),
      UInt8(ascii: ";"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "="), UInt8(ascii: "!"),
      UInt8(ascii: "?"), UInt8(ascii: "*"):
      true
    case UInt8(ascii: ":"):
      // «http://» is one token.
      !(place + 2 < line.endIndex && line[place + 1] == UInt8(ascii: "/") && line[place + 2] == UInt8(ascii: "/"))
    case UInt8(ascii: "'"):
      // Within a word it is an apostrophe.
      place == line.startIndex || place + 1 == line.endIndex || !isLetter(line[place - 1]) || !isLetter(line[place + 1])
    default: false
    }
  }

  private static func endsLink(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: ")")
      || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "'") || byte >= 0x7F
  }

  private func isLinkStart(_ line: ArraySlice<UInt8>, _ start: Int, _ end: Int) -> Bool {
    guard end - start >= 5, let first = line[start...].first, first | 0x20 == 0x68 || first | 0x20 == 0x77 else {
      return false
    }
    let head = line[start..<min(end, start + 8)].map { $0 | 0x20 }
    return ["http://", "https://", "www."].contains { head.starts(with: $0.utf8.map { $0 | 0x20 }) }
  }

  private mutating func appendLink(_ token: ArraySlice<UInt8>) {
    var link = Array(token.prefix(256))
    for index in link.indices { link[index] = Self.lowered(link[index]) }
    var text = link[...]
    for prefix in ["https://", "http://", "www."] where text.starts(with: prefix.utf8) {
      text = text.dropFirst(prefix.utf8.count)
    }
    while let last = text.last, last == UInt8(ascii: ".") || last == UInt8(ascii: ",") { text = text.dropLast() }
    bytes.append(Mark.link)
    bytes += text
    bytes.append(Mark.link)
    bytes.append(0x20)
    if token.last == UInt8(ascii: ".") { stop() }
  }
}
