/// What became of the steps with a server of mailboxes.
enum LMTPVerdict {
  /// Mail can be brought there.
  case good(String)
  /// It can, and something is missing.
  case wanting(String, advice: String)
  case bad(String, advice: String)

  static let consequence = "until then mail for hosted domains waits"

  func finding(_ name: String) -> Finding {
    switch self {
    case .good(let detail): .ok(name, detail)
    case .wanting(let detail, let advice): .warning(name, detail, advice: advice)
    case .bad(let detail, let advice): .failed(name, detail, advice: advice)
    }
  }
}
