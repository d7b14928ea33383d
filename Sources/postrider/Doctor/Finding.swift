/// What one check found.
struct Finding: Encodable {
  enum Status: String, Encodable {
    case ok, warning, failed
  }

  let check: String
  let status: Status
  /// What was seen, and what it means.
  let detail: String
  /// What to do about it.
  let advice: String?

  static func ok(_ check: String, _ detail: String) -> Finding {
    Finding(check: check, status: .ok, detail: detail, advice: nil)
  }

  static func warning(_ check: String, _ detail: String, advice: String) -> Finding {
    Finding(check: check, status: .warning, detail: detail, advice: advice)
  }

  static func failed(_ check: String, _ detail: String, advice: String) -> Finding {
    Finding(check: check, status: .failed, detail: detail, advice: advice)
  }
}

extension Finding {
  /// About one of several databases.
  func about(shard: String?) -> Finding {
    guard let shard else { return self }
    return Finding(check: "\(check) \(shard)", status: status, detail: detail, advice: advice)
  }
}

extension [Finding] {
  /// The worst of all.
  var status: Finding.Status {
    contains { $0.status == .failed } ? .failed : contains { $0.status == .warning } ? .warning : .ok
  }
}
