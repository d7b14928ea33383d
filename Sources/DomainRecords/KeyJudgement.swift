package import DKIM

/// Whether the record of a key that signs is there, and says what it should (RFC 6376 §3.6.1, RFC 8463 §4).
package enum KeyJudgement {
  package static func finding(_ record: KeyRecord, _ answer: Texts) -> RecordFinding {
    func finding(_ verdict: Verdict, _ explanation: String) -> RecordFinding {
      RecordFinding(.dkim, record.name, wanted: record.text, found: answer.texts ?? [], verdict, explanation)
    }
    guard let texts = answer.texts else { return finding(.unknown, answer.trouble) }
    guard let text = texts.first else {
      return finding(.missing, "there is no record: nobody can verify the signatures")
    }
    guard texts.count == 1 else {
      return finding(
        .wrong, "there are \(texts.count) records: verifiers may take any of them; leave only the wanted one")
    }
    if let fault = fault(in: text, instead: record) { return finding(.wrong, fault) }
    let flags = TagList(text)?["t"]?.split(separator: ":").map(String.init) ?? []
    guard !flags.contains("y") else {
      return finding(.doubtful, "it has the test flag t=y: receivers treat signed mail as if it were not; take it out")
    }
    return finding(.good, "the key is there")
  }

  private static func fault(in text: String, instead record: KeyRecord) -> String? {
    guard let tags = TagList(text), let wanted = TagList(record.text) else {
      return "it is no list of tags (a=b; c=d): publish exactly what is wanted"
    }
    if let version = tags["v"], version != "DKIM1" || tags.tags.first?.name != "v" {
      return "v=\(version) is not v=DKIM1 at the beginning: verifiers pass over the record"
    }
    guard let key = tags["p"].map(Self.unfolded) else { return "it has no key (p=)" }
    if key.isEmpty { return "the key is revoked (p= is empty): publish the wanted one" }
    let algorithm = tags["k"] ?? "rsa"
    if algorithm != wanted["k"] { return "k=\(algorithm) is another kind of key than ours, k=\(wanted["k"] ?? "")" }
    if key != wanted["p"].map(Self.unfolded) {
      return wanted["p"]?.hasPrefix(key) == true
        ? "the key is cut off: a text has several strings of at most 255 octets" : "another key is there than ours"
    }
    if let hashes = tags["h"], !hashes.split(separator: ":").contains("sha256") { return "h=\(hashes) excludes sha256" }
    if let services = tags["s"], !services.split(separator: ":").contains(where: { $0 == "*" || $0 == "email" }) {
      return "s=\(services) excludes e-mail"
    }
    return nil
  }

  /// Base 64 may be folded.
  private static func unfolded(_ text: String) -> String { text.filter { !$0.isWhitespace } }
}
