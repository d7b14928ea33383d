internal import Foundation

/// What rspamd answers to `/checkv2` (its protocol description): a JSON object.
enum RspamdReply {
  /// Longer answers are none.
  static let sizeMax = 1 << 20

  private struct Answer: Decodable {
    struct Symbol: Decodable { var score: Double? }

    var score: Double?
    var requiredScore: Double?
    var action: String?
    var symbols: [String: Symbol]?
    var isSkipped: Bool?
    var error: String?

    enum CodingKeys: String, CodingKey {
      case score, action, symbols, error
      case requiredScore = "required_score"
      case isSkipped = "is_skipped"
    }
  }

  static func parse(_ bytes: [UInt8]) throws(ScannerFailure) -> SpamVerdict {
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: Data(bytes))
    } catch {
      throw .garbage(plainWords(bytes.prefix(80)))
    }
    if let error = answer.error { throw .refused(plainWords(error.utf8)) }
    guard let score = answer.score, score.isFinite,
      let action = answer.action.flatMap(SpamVerdict.Action.init(named:))
    else {
      throw .garbage("neither score nor action: \(plainWords(bytes.prefix(80)))")
    }
    let symbols = (answer.symbols ?? [:]).map { (name: $0.key, score: $0.value.score ?? 0) }
      .sorted { ($1.score, $0.name) < ($0.score, $1.name) }
    let required = answer.requiredScore ?? .greatestFiniteMagnitude
    return SpamVerdict(
      score: score, requiredScore: required, action: action,
      symbols: symbols.prefix(10).map { plainWords($0.name.utf8, countMax: 60) },
      // It skips the rest when one rule has decided (GTUBE, forced actions).
      isForced: action == .reject && (answer.isSkipped == true || score < required))
  }
}
