import MailModel

/// The lines that a mail server wrote, without the message that it returns.
struct ReportBody {
  let lines: [String]

  init(_ all: [String]) {
    let end = all.firstIndex(where: Self.beginsOriginal) ?? all.endIndex
    lines = Array(all[..<end].prefix(400))
  }

  /// The first lines as one, in lower case, with single spaces.
  var opening: String {
    lines.prefix(60).joined(separator: " ").lowercased().replacing("’", with: "'").split(whereSeparator: {
      $0 == " " || $0 == "\t"
    }).joined(separator: " ")
  }

  private static func beginsOriginal(_ line: String) -> Bool {
    let text = line.lowercased()
    if text.hasPrefix("received:") || text.hasPrefix("return-path:") { return true }
    return [
      "--- below this line is a copy", "this is a copy of the message", "this is a copy of your message",
      "----- original message", "-----original message", "original message headers", "--- original message",
      "message header follows", "original message follows", "the body of the message is",
      "--- enclosed are the original",
      "the message headers", "copy of the original message",
    ].contains { text.contains($0) }
  }

  func saysDelay(_ subject: String) -> Bool {
    let text = opening
    let isOver = ["giving up", "permanent", "has failed", "could not be delivered", "couldn't be delivered"]
    guard !isOver.contains(where: text.contains) else { return false }
    return [
      "will continue to", "will keep trying", "will be retried", "is still trying", "warning message only",
      "has been delayed", "is delayed", "no action is required",
    ].contains { text.contains($0) } || subject.hasPrefix("warning:") || subject.contains("(delay)")
  }

  /// Who is spoken of, and why.
  /// - Parameter failed: those whom the header names.
  func deliveries(failed: [String], action: ReportedAction) -> [ReportedDelivery] {
    var blocks = merged
    if !failed.isEmpty { blocks.removeAll { block in !failed.contains { Self.isSame($0, block.address) } } }
    let named = Set(blocks.map { $0.address.lowercased() })
    for address in failed where !named.contains(address.lowercased()) {
      blocks.append(Block(address: address, lines: []))
    }
    // The reason may stand elsewhere in the text; of several addresses nobody knows whose it is.
    let reason = lines.first { ReplyText.holdsCode($0) }
    if blocks.isEmpty {
      let addresses = Self.unique(lines.prefix(60).flatMap(AddressText.all)).filter { !Self.isSystem($0) }
      guard !addresses.isEmpty || reason != nil else { return [] }
      return [ReportedDelivery(addresses: addresses, action: action, status: nil, diagnostic: bytes(reason))]
    }
    return blocks.prefix(100).map { block in
      let own = block.reason
      return ReportedDelivery(
        addresses: [block.address], action: action, status: nil,
        diagnostic: bytes(own ?? (blocks.count == 1 ? reason : nil)))
    }
  }

  private func bytes(_ line: String?) -> [UInt8] { Array((line ?? "").trimmed.utf8.prefix(2048)) }

  private static func isSame(_ left: String, _ right: String) -> Bool { left.lowercased() == right.lowercased() }

  private static func isSystem(_ address: String) -> Bool {
    ["mailer-daemon@", "postmaster@", "abuse@", "noreply@", "no-reply@"].contains { address.lowercased().hasPrefix($0) }
  }

  private static func unique(_ addresses: [String]) -> [String] {
    var seen: Set<String> = []
    return addresses.filter { seen.insert($0.lowercased()).inserted }
  }
}

extension ReportBody {
  /// An address on a line of its own or at a line's beginning, and what follows it.
  struct Block {
    let address: String
    var lines: [String]

    /// The lines with a code and what belongs to them; without a code, all of them.
    var reason: String? {
      guard let first = lines.firstIndex(where: { ReplyText.holdsCode($0) }) else {
        let text = lines.map(\.trimmed).filter { !$0.isEmpty }.prefix(6).joined(separator: " ")
        return text.isEmpty ? nil : text
      }
      return lines[first...].prefix { !$0.isEmpty }.prefix(12).map(\.trimmed).joined(separator: " ")
    }
  }

  /// An address may come twice: once for people, once for administrators.
  private var merged: [Block] {
    var places: [String: Int] = [:]
    var merged: [Block] = []
    for block in blocks {
      if let place = places[block.address.lowercased()] {
        merged[place].lines += [""] + block.lines
      } else {
        places[block.address.lowercased()] = merged.count
        merged.append(block)
      }
    }
    return merged
  }

  private var blocks: [Block] {
    var blocks: [Block] = []
    var blanks = 0
    for line in lines {
      if let (address, rest) = Self.heading(line) {
        blocks.append(Block(address: address, lines: rest.isEmpty ? [] : [rest]))
        blanks = 0
      } else if !blocks.isEmpty {
        blanks = line.trimmed.isEmpty ? blanks + 1 : blanks
        // A reason follows its address within a few lines; what comes much later is about something else.
        if blanks <= 2, blocks[blocks.count - 1].lines.count < 30 { blocks[blocks.count - 1].lines.append(line) }
      }
    }
    return blocks
  }

  /// `<a@b>: rest`, `<a@b>`, `a@b`, `a@b (expanded from …)`, `Name (a@b)`, `'a@b'`.
  private static func heading(_ line: String) -> (address: String, rest: String)? {
    let text = line.trimmed
    if text.first == "<", let close = text.firstIndex(of: ">"), let address = AddressText.plain(String(text[...close]))
    {
      var rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.first == ":" || rest.first == " " || rest.first == "." else { return nil }
      rest = rest.drop { $0 == ":" || $0 == " " || $0 == "." }
      // Our own command in a transcript of Sendmail, `<bob@example.com>... User unknown`, is the reason.
      return (address, String(rest))
    }
    guard text.utf8.count <= 330, text.contains("@") else { return nil }
    let words = text.split(separator: " ")
    let addresses = AddressText.all(in: text)
    guard let address = addresses.first, Set(addresses.map { $0.lowercased() }).count == 1 else { return nil }
    if words.count == 1 { return (address, "") }
    // A display name and its address, or the address and where it comes from.
    let isParenthesised = text.hasSuffix(")") && words.count <= 6 && text.contains("(")
    return isParenthesised && !ReplyText.holdsCode(text) ? (address, "") : nil
  }
}

/// HTML for people who only have text: tags are line ends, a few entities are read.
enum Markup {
  static func lines(_ lines: [String]) -> [String] {
    var result = ""
    var isTag = false
    for character in lines.joined(separator: " ").prefix(100_000) {
      switch character {
      case "<":
        isTag = true
        result.append("\n")
      case ">" where isTag: isTag = false
      default: if !isTag { result.append(character) }
      }
    }
    for (entity, character) in [
      ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&"),
    ] {
      result = result.replacing(entity, with: character)
    }
    return result.split(separator: "\n").map(\.trimmed).filter { !$0.isEmpty }
  }
}
