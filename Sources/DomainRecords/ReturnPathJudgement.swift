package import DNS

/// Whether mail to return paths reaches our listener.
package enum ReturnPathJudgement {
  /// - Parameters:
  ///   - host: the tenant's return-path host.
  ///   - listener: the name of ours.
  ///   - isOwn: the host is in the domain, so that its owner publishes the record.
  package static func finding(_ host: String, listener: String, isOwn: Bool, _ answer: DNSAnswer<[MXRecord]>)
    -> RecordFinding
  {
    var found: [String] = []
    var trouble: String?
    switch answer {
    case .found(let records, _): found = records.map { "\($0.preference) \($0.exchange)" }
    case .failed(let why): trouble = "the name servers did not answer: \(why)"
    case .noData, .noSuchDomain: break
    }
    func finding(_ verdict: Verdict, _ explanation: String) -> RecordFinding {
      RecordFinding(
        .returnPath, host, type: "MX", wanted: isOwn ? "10 \(listener)" : nil, found: found, verdict,
        isOwn ? explanation : "\(explanation) (the operator's to publish)")
    }
    if let trouble { return finding(.unknown, trouble) }
    guard !found.isEmpty else { return finding(.missing, "there is no MX record: bounces and complaints get lost") }
    guard found.contains(where: { $0.lowercased().hasSuffix(" \(listener.lowercased())") }) else {
      return finding(.doubtful, "it does not lead to \(listener), where ours are taken")
    }
    return finding(.good, "what comes back reaches us")
  }
}
