// What a domain has to publish so that its mail is believed, and what it does publish.
//
// Records are judged by what the name servers have said, without a socket and without a clock; only `DomainLook` asks
// them. Nothing here decides whether a domain may send: that is `Admission`'s, by the token alone.

/// What a record is for.
package enum RecordKind: String, Codable, Sendable, CaseIterable {
  /// That the domain is its tenant's.
  case ownership
  /// A key that signs (RFC 6376).
  case dkim
  /// Who may send with a reverse-path in the domain (RFC 7208).
  case spf
  /// What receivers do with mail for which neither holds (RFC 7489).
  case dmarc
  /// Where mail that comes back goes.
  case returnPath = "return_path"
  /// By which mail programs set themselves up (RFC 6186).
  case client
}

/// What is to be thought of a record.
package enum Verdict: String, Codable, Sendable {
  case good
  /// It does its work, but somebody should look.
  case doubtful
  case missing
  case wrong
  /// The name servers did not answer: nothing is known.
  case unknown
}

/// One record: what it should be, what was found, and what that means.
package struct RecordFinding: Codable, Sendable, Hashable {
  package var kind: RecordKind
  /// Without a dot at the end, in A-labels.
  package var name: String
  /// `TXT`, `MX`, `SRV` or `CNAME`.
  package var type: String
  /// What to publish. nil: nothing exact can be said, or it is for somebody else to publish.
  package var wanted: String?
  /// What was there, as text for people: cut, and without control characters.
  package var found: [String]
  package var verdict: Verdict
  /// A sentence for people, without a full stop.
  package var explanation: String

  init(
    _ kind: RecordKind, _ name: String, type: String = "TXT", wanted: String?, found: [String] = [],
    _ verdict: Verdict, _ explanation: String
  ) {
    self.kind = kind
    self.name = name
    self.type = type
    self.wanted = wanted.flatMap(Self.publishable)
    self.found = found.prefix(5).map(Self.shown)
    self.verdict = verdict
    self.explanation = Self.shown(explanation)
  }

  /// JSON in a database takes no NUL, and nobody reads more.
  private static func shown(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(500).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }
    return String(String.UnicodeScalarView(scalars))
  }

  /// What somebody is told to publish may hold what was found: nothing is said that no JSON or zone file takes.
  private static func publishable(_ text: String) -> String? {
    text.utf8.count <= 4096 && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? text : nil
  }

  /// A line of a zone file; nil when there is nothing to publish.
  package var zoneLine: String? {
    guard let wanted else { return nil }
    guard type == "TXT" else { return "\(name). IN \(type) \(wanted)\(wanted.hasSuffix(".") ? "" : ".")" }
    return "\(name). IN TXT ( \(Self.strings(of: wanted).joined(separator: " ")) )"
  }

  /// Strings of at most 255 octets (RFC 1035 §3.3), quoted as master files want it (§5.1).
  private static func strings(of text: String) -> [String] {
    let octets = Array(text.utf8)
    return stride(from: 0, to: octets.count, by: 255).map { start in
      let piece = String(decoding: octets[start..<min(start + 255, octets.count)], as: UTF8.self)
      return "\"\(piece.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
  }
}
