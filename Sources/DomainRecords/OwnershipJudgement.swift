package import Admission
package import DNS

/// The texts of TXT records, or why there are none.
package typealias Texts = DNSAnswer<[String]>

extension DNSAnswer where Value == [String] {
  /// What is there; empty when the name servers say that nothing is.
  /// - Returns: nil when they do not answer.
  var texts: [String]? {
    switch self {
    case .found(let texts, _): texts
    case .noData, .noSuchDomain: []
    case .failed: nil
    }
  }

  /// Why nothing is known.
  var trouble: String {
    if case .failed(let why) = self { return "the name servers did not answer: \(why)" }
    return ""
  }
}

/// Whether a domain's owner has published a token.
package enum OwnershipJudgement {
  /// Whose token is there. Its tenant's goes before those of others.
  package static func owner(_ check: DomainCheck, _ answer: Texts) -> DomainSight.Owner {
    guard let texts = answer.texts else { return .unknown }
    let here = texts.map(trimmed)
    if here.contains(check.challenge.text) { return .tenant(check.tenant) }
    return check.claims.first { here.contains($0.challenge.text) }.map { .tenant($0.tenant) } ?? .nobody
  }

  package static func finding(_ challenge: DomainChallenge, _ answer: Texts) -> RecordFinding {
    func finding(_ verdict: Verdict, _ explanation: String) -> RecordFinding {
      RecordFinding(
        .ownership, challenge.name, wanted: challenge.text, found: answer.texts ?? [], verdict, explanation)
    }
    guard let texts = answer.texts else { return finding(.unknown, answer.trouble) }
    if texts.map(trimmed).contains(challenge.text) { return finding(.good, "the token is there") }
    guard !texts.isEmpty else { return finding(.missing, "there is no TXT record: publish the one that is wanted") }
    return finding(
      .wrong,
      texts.contains { $0.contains(DomainChallenge.prefix) }
        ? "the token is another one: perhaps of another tenant, or of an earlier time"
        : "there is another text: publish the one that is wanted beside it or instead of it")
  }

  /// Some editors leave blanks, or keep the quotes that were pasted.
  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " || $0 == "\"" }.reversed().drop { $0 == " " || $0 == "\"" }.reversed())
  }
}
