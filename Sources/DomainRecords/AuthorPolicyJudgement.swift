/// Whether a domain says what receivers shall do with mail that is not its own (DMARC, RFC 7489), and whether ours passes.
package enum AuthorPolicyJudgement {
  /// Where a domain's policy is, from its own name upwards; the first that has one counts.
  package static func names(of domain: String) -> [String] {
    let labels = domain.split(separator: ".")
    // A policy of a top-level domain is nothing that its users publish.
    let starts = 0...max(0, min(labels.count - 2, 3))
    return starts.map { "_dmarc." + labels[$0...].joined(separator: ".") }
  }

  /// - Parameters:
  ///   - domain: of the author.
  ///   - hasKeys: mail of it is signed.
  ///   - returnDomain: of the reverse-path that its mail goes out with.
  ///   - answers: as far as they were asked for, in the order of `names`.
  package static func finding(
    _ domain: String, hasKeys: Bool, returnDomain: String, _ answers: [(name: String, answer: Texts)]
  ) -> RecordFinding {
    let own = "_dmarc.\(domain)"
    let wanted = "v=DMARC1; p=none"
    for (name, answer) in answers {
      guard let texts = answer.texts else {
        return RecordFinding(.dmarc, name, wanted: wanted, .unknown, answer.trouble)
      }
      let policies = texts.filter { $0.lowercased().hasPrefix("v=dmarc1") }
      guard !policies.isEmpty else { continue }
      func finding(_ verdict: Verdict, _ explanation: String) -> RecordFinding {
        let place = name == own ? "" : "the policy is that of \(name.dropFirst(7)): "
        return RecordFinding(
          .dmarc, name, wanted: verdict == .good ? policies[0] : wanted, found: policies, verdict, place + explanation)
      }
      guard policies.count == 1 else {
        return finding(.wrong, "there are \(policies.count) DMARC records, and receivers then count none: leave one")
      }
      if let fault = fault(in: policies[0]) { return finding(.wrong, fault) }
      guard hasKeys || isRelated(returnDomain, domain) else {
        return finding(
          .doubtful,
          "mail of \(domain) is not signed, and its reverse-path is in \(returnDomain): nothing vouches for it; "
            + "`postrider dkim add` makes keys")
      }
      return finding(
        .good, hasKeys ? "signatures of the domain vouch for its mail" : "its reverse-path vouches for its mail")
    }
    return RecordFinding(
      .dmarc, own, wanted: wanted, .missing,
      "there is no DMARC record: large receivers want one; p=none changes nothing")
  }

  /// §6.3: the version, exactly so and first; then what to do.
  private static func fault(in policy: String) -> String? {
    guard let tags = TagList(policy) else { return "it is no list of tags (a=b; c=d)" }
    guard tags.tags[0].name == "v", tags.tags[0].value == "DMARC1" else { return "it does not begin with v=DMARC1" }
    guard let action = tags["p"] else { return "it does not say what to do (p=none, p=quarantine or p=reject)" }
    guard ["none", "quarantine", "reject"].contains(action.lowercased()) else {
      return "p=\(action) is none of none, quarantine, reject"
    }
    return nil
  }

  /// §3.1.2, relaxed: one is the other, or below it. Siblings may be related too; who owns what lies between is not known
  /// here, and then nothing is said to be good that is not.
  private static func isRelated(_ one: String, _ other: String) -> Bool {
    one == other || one.hasSuffix(".\(other)") || other.hasSuffix(".\(one)")
  }
}
