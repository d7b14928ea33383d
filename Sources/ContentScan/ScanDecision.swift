package import MailModel

/// What becomes of a message after it was looked at.
package struct ScanDecision: Sendable, Hashable {
  package enum Action: Sendable, Hashable {
    case accept
    /// It is queued, and nobody delivers it until a person has released it. The reason is for that person.
    case hold(reason: String)
    case refuse(Reply, Refusal)
  }

  /// As what a refusal is counted.
  package enum Refusal: Sendable, Hashable {
    case malware
    case spam
    /// A scanner did not do its work.
    case scanner
    /// No scanner ever takes it.
    case size
  }

  package var action: Action
  /// Stands in the header, in the log and in the queue: `clean (clamd, rspamd 1.2)`; nil: nobody was asked.
  package var trace: String?
  /// Fields that go in front of the message, each with its CRLF.
  package var fields: [UInt8] = []
  /// For the log of a refusal.
  package var reason = ""

  /// Nobody was asked.
  package static let unscanned = ScanDecision(action: .accept, trace: nil)

  /// In lower case, the field with the trace. From clients it is never believed.
  package static let traceName = Array("x-postrider-scan".utf8)
  /// The same and other fields that say what was found: not believed where we scan.
  package static let fieldNames =
    [traceName]
    + ["x-virus-status", "x-spam-flag", "x-spam-score", "x-spam-status", "x-spam-level"].map { Array($0.utf8) }

  private init(action: Action, trace: String?) {
    self.action = action
    self.trace = trace
  }

  /// Certain refusals go before doubts, doubts before holding: who is asked to come again is not held as well.
  package init(_ findings: ScanFindings, _ policy: ScanPolicy) {
    let reading = Reading(findings, policy)
    self.init(action: .accept, trace: reading.trace)
    reason = reading.reason
    if let name = reading.malware, policy.malware == .reject {
      action = .refuse(
        Reply(554, EnhancedStatus(5, 7, 0), "The message contains malware (\(name))"), .malware)
    } else if reading.isSpam, policy.spam == .reject {
      action = .refuse(Reply(550, EnhancedStatus(5, 7, 1), "The message looks like spam"), .spam)
    } else if let failure = reading.failures.first, !policy.acceptsUnscanned {
      action = Self.refusal(for: failure, all: reading.failures)
    } else if reading.isPutOff, policy.spam != .tag {
      action = .refuse(
        Reply(451, EnhancedStatus(4, 7, 1), "The spam filter asks you to try again later"), .spam)
    } else if reading.malware != nil && policy.malware == .hold || reading.isSpam && policy.spam == .hold {
      action = .hold(reason: reading.reason)
    }
    fields = Array(reading.fields.utf8)
  }

  private static func refusal(for failure: ScannerFailure, all failures: [ScannerFailure]) -> Action {
    // It comes to nothing to come again.
    if failures.allSatisfy({ $0 == .tooLarge }) {
      return .refuse(
        Reply(552, EnhancedStatus(5, 3, 4), "The message is larger than what can be scanned"), .size)
    }
    return .refuse(
      Reply(451, EnhancedStatus(4, 7, 1), "The message cannot be scanned now, please try again later"), .scanner)
  }
}

/// What was found, by a policy's limits.
private struct Reading {
  /// The name of what was found.
  var malware: String?
  var isSpam = false
  var isSuspicious = false
  var isPutOff = false
  var score: Double?
  var failures: [ScannerFailure] = []
  /// What each scanner said, `clamd`, `rspamd 1.2`.
  private var parts: [String] = []
  private var reasons: [String] = []

  init(_ findings: ScanFindings, _ policy: ScanPolicy) {
    switch findings.malware {
    case .success(.clean): parts.append("clamd")
    case .success(.infected(let name)):
      malware = name
      parts.append("clamd: \(name)")
      reasons.append("malware \(name)")
    case .failure(let failure): note(failure, of: "clamd")
    case nil: break
    }
    switch findings.spam {
    case .success(let verdict): judge(verdict, policy)
    case .failure(let failure): note(failure, of: "rspamd")
    case nil: break
    }
  }

  private mutating func judge(_ verdict: SpamVerdict, _ policy: ScanPolicy) {
    score = verdict.score
    let isMarked = verdict.action == .addHeader || verdict.action == .rewriteSubject
    isSpam = verdict.isForced || policy.spamScore.map { verdict.score >= $0 } ?? (verdict.action == .reject)
    isSuspicious =
      isSpam || policy.tagScore.map { verdict.score >= $0 } ?? (isMarked || verdict.action == .reject)
    isPutOff = verdict.action == .softReject
    parts.append("rspamd \(scoreText(verdict.score))")
    if isSpam {
      let names = verdict.symbols.prefix(5).joined(separator: " ")
      reasons.append("spam, score \(scoreText(verdict.score))" + (names.isEmpty ? "" : ": \(names)"))
    }
  }

  private mutating func note(_ failure: ScannerFailure, of scanner: String) {
    failures.append(failure)
    parts.append("\(scanner) \(failure.words)")
    reasons.append("\(scanner) \(failure.reason)")
  }

  var reason: String { reasons.joined(separator: "; ") }

  var trace: String? {
    guard !parts.isEmpty else { return nil }
    let word =
      if malware != nil {
        "infected"
      } else if isSpam {
        "spam"
      } else if !failures.isEmpty {
        "not scanned"
      } else {
        isSuspicious ? "suspicious" : "clean"
      }
    return "\(word) (\(parts.joined(separator: ", ")))"
  }

  /// In the form that mail programs know (SpamAssassin's, clamav-milter's).
  var fields: String {
    guard let trace else { return "" }
    var lines = ["X-Postrider-Scan: \(trace)"]
    if let malware { lines.append("X-Virus-Status: Infected (\(malware))") }
    if isSuspicious, let score {
      lines.append("X-Spam-Flag: YES")
      lines.append("X-Spam-Score: \(scoreText(score))")
    }
    return lines.map { $0 + "\r\n" }.joined()
  }
}

/// One digit behind the point, whatever the locale.
private func scoreText(_ score: Double) -> String {
  let tenths = Int((max(-99_999, min(99_999, score)) * 10).rounded())
  return (tenths < 0 ? "-" : "") + "\(abs(tenths) / 10).\(abs(tenths) % 10)"
}
