/// Whether a domain's SPF record lets us send for it (RFC 7208).
package enum SenderPolicyJudgement {
  /// - Parameters:
  ///   - domain: of the reverse-path that mail goes out with.
  ///   - include: what its record should include; nil: whether it allows our addresses cannot be said.
  package static func finding(_ domain: String, include: String?, _ answer: Texts) -> RecordFinding {
    let fresh = include.map { "v=spf1 include:\($0) ~all" }
    func finding(_ verdict: Verdict, _ explanation: String, wanted: String? = nil) -> RecordFinding {
      RecordFinding(.spf, domain, wanted: wanted ?? fresh, found: policies(in: answer), verdict, explanation)
    }
    guard answer.texts != nil else { return finding(.unknown, answer.trouble) }
    let found = policies(in: answer)
    guard let policy = found.first else {
      return finding(.missing, "there is no SPF record: receivers cannot tell that mail from here is allowed")
    }
    guard found.count == 1 else {
      return finding(.wrong, "there are \(found.count) SPF records, and receivers then count none: make them one")
    }
    return judged(policy, include, finding)
  }

  private static func policies(in answer: Texts) -> [String] {
    (answer.texts ?? []).filter { text in
      let folded = text.lowercased()
      return folded == "v=spf1" || folded.hasPrefix("v=spf1 ")
    }
  }

  private static func judged(
    _ policy: String, _ include: String?, _ finding: (Verdict, String, String?) -> RecordFinding
  ) -> RecordFinding {
    let terms = policy.split(separator: " ").dropFirst().map(String.init)
    if let strange = terms.first(where: { !isTerm($0) }) {
      return finding(.wrong, "«\(strange)» means nothing in SPF, and receivers then count nothing of the record", nil)
    }
    let end = terms.firstIndex { isAll($0) }
    if let end, ["all", "+all"].contains(terms[end].lowercased()) {
      return finding(.doubtful, "it allows everybody to send for the domain («\(terms[end])»): say ~all or -all", nil)
    }
    guard let include else {
      return finding(
        .good, "there is one record; whether it allows our addresses is not checked: domains.spf_include is not set",
        policy)
    }
    let mechanism = "include:\(include)".lowercased()
    let place = terms.firstIndex { [mechanism, "+\(mechanism)"].contains($0.lowercased()) }
    switch (place, end) {
    case (let place?, let end?) where place > end:
      return finding(
        .wrong, "include:\(include) stands behind «\(terms[end])» and counts for nothing", added(include, terms))
    case (.some, _): return finding(.good, "it allows our addresses", policy)
    case (nil, _):
      return finding(.wrong, "it does not allow our addresses: add include:\(include)", added(include, terms))
    }
  }

  /// The same record with ours in front of what ends it.
  private static func added(_ include: String, _ terms: [String]) -> String {
    var terms = terms.filter { $0.lowercased() != "include:\(include)".lowercased() }
    let end = terms.firstIndex { isAll($0) || $0.lowercased().hasPrefix("redirect=") } ?? terms.endIndex
    terms.insert("include:\(include)", at: end)
    return (["v=spf1"] + terms).joined(separator: " ")
  }

  private static func isAll(_ term: String) -> Bool { unqualified(term) == "all" }

  private static func unqualified(_ term: String) -> String {
    let folded = term.lowercased()
    return "+-~?".contains(folded.first ?? " ") ? String(folded.dropFirst()) : folded
  }

  /// §4.6.1: mechanisms that there are, or a modifier, which may be unknown.
  private static func isTerm(_ term: String) -> Bool {
    let name = unqualified(term).prefix { $0 != ":" && $0 != "/" && $0 != "=" }
    if term.contains("="), term.firstIndex(of: "=") ?? term.endIndex < term.firstIndex(of: ":") ?? term.endIndex {
      return name.first?.isLetter == true
    }
    return ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"].contains(String(name))
  }
}
