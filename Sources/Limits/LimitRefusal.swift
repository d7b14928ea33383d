package import MailModel

/// Which limit a message has met, and when to come back.
package enum LimitRefusal: Sendable, Hashable {
  case full(
    scope: LimitRules.Scope, kind: LimitRules.Kind, span: Rates.Span, limit: Int, isWarmUp: Bool, wait: Duration)
  /// The message alone has more recipients than ever fit.
  case neverFits(scope: LimitRules.Scope, span: Rates.Span, limit: Int, recipients: Int)
  case tooLarge(limit: Int)

  /// For the client: names nobody, so that it is ASCII whatever names there are.
  package var reply: Reply {
    switch self {
    case .full(let scope, let kind, let span, let limit, let isWarmUp, let wait):
      let what = "\(limit) \(kind.rawValue) \(span.phrase) for this \(isWarmUp ? "new " : "")\(scope.rawValue)"
      return Reply(
        kind == .messages ? 451 : 452, EnhancedStatus(4, 7, 1),
        "Limit reached: \(what); try again in \(wait.secondsUp) seconds")
    case .neverFits(let scope, let span, let limit, let recipients):
      return Reply(
        554, EnhancedStatus(5, 5, 3),
        "\(recipients) recipients at once are more than the \(limit) \(span.phrase) for this \(scope.rawValue)")
    case .tooLarge(let limit):
      return Reply(552, EnhancedStatus(5, 3, 4), "The message is larger than \(limit) bytes, the limit of this tenant")
    }
  }

  /// For metrics: one of a handful.
  package var label: String {
    switch self {
    case .full(_, _, _, _, true, _): "warm_up"
    case .full(let scope, let kind, let span, _, _, _): "\(scope)_\(kind)_\(span)"
    case .neverFits: "recipients_at_once"
    case .tooLarge: "message_size"
    }
  }
}

extension Rates.Span {
  /// «a minute», «an hour», «a day».
  package var phrase: String { self == .hour ? "an hour" : "a \(rawValue)" }
}

extension LimitRules {
  /// What can be said without counting.
  func refusalAtOnce(of message: CountedMessage, counters: [Counter]) -> LimitRefusal? {
    if let limit = messageSizeMax, message.sizeBytes > limit { return .tooLarge(limit: limit) }
    for counter in counters {
      for window in counter.windows {
        guard let limit = window.recipients, message.recipients > limit else { continue }
        return .neverFits(scope: counter.scope, span: window.span, limit: limit, recipients: message.recipients)
      }
    }
    return nil
  }
}
