internal import Observability

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

  /// For people, below the lines.
  var counts: String {
    let failed = self.count { $0.status == .failed }
    let warnings = self.count { $0.status == .warning }
    return "\(count) checks, \(failed) failed, \(warnings) warnings"
  }
}

extension Finding {
  /// One line for people, and one for what to do.
  /// - Parameter width: of the longest name of a check.
  func text(width: Int) -> String {
    let name = check + String(repeating: " ", count: max(0, width - Table.width(check)))
    let line =
      status.rawValue + String(repeating: " ", count: 9 - status.rawValue.count) + name + "  " + escaped(detail)
    let more = advice.map { String(repeating: " ", count: width + 11) + "→ \(escaped($0))\n" }
    return line + "\n" + (more ?? "")
  }
}
