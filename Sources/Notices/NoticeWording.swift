internal import BounceRules
package import MailFormat
internal import MailModel

/// In which language and with which texts a sender is told.
package struct NoticeWording: Sendable {
  /// A language tag: `nl`, `de-AT`.
  package var language: String
  /// Own texts for the kind of notice that is being written, by language; in place of the shipped ones.
  package var templates: [String: String]

  package init(language: String = "en", templates: [String: String] = [:]) {
    self.language = language
    self.templates = templates
  }

  /// The languages that texts are shipped in.
  package static let shipped: [String] = languages.map { $0.tag }

  /// The shipped text of a kind of notice.
  /// - Parameter kind: only which one it is counts.
  /// - Returns: nil when it is not shipped in that language.
  package static func shippedSource(_ kind: DeliveryReport.Kind, language: String) -> String? {
    languages.first { $0.tag == language }?.source(kind)
  }

  /// Whether a text is a language tag that can be chosen (RFC 5646, simply): letters, digits, hyphens, at most 35.
  package static func isLanguageTag(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return text.utf8.count <= 35 && (2...3).contains(parts[0].utf8.count) && parts[0].allSatisfy { $0.isLowercase }
      && parts.allSatisfy { part in
        (1...8).contains(part.utf8.count) && part.utf8.allSatisfy { $0 < 0x80 }
          && part.allSatisfy { $0.isLetter || $0.isNumber }
      }
  }

  /// What the sender reads. An own text that cannot be used gives way to the shipped one.
  func text(
    _ kind: DeliveryReport.Kind, about original: OriginalMessage, told: [ToldRecipient], nodeName: String
  ) -> ReportText {
    let phrases = Self.phrases(of: language)
    let values = NoticeValues(kind, original, told, nodeName, phrases).all
    for tag in [language, phrases.tag] {
      guard let source = templates[tag], let template = try? NoticeTemplate(source),
        let (subject, body) = template.render(values)
      else { continue }
      return ReportText(subject: subject, body: body, language: tag)
    }
    guard let (subject, body) = Self.shippedTemplates["\(phrases.tag) \(kind.action)"]?.render(values) else {
      preconditionFailure("the shipped text in \(phrases.tag) is broken")
    }
    return ReportText(subject: subject, body: body, language: phrases.tag)
  }

  /// The nearest language that has dates and causes: `nl` for `nl-BE`, English where nothing is nearer.
  private static func phrases(of language: String) -> any NoticeLanguage {
    let base = language.prefix { $0 != "-" }
    return languages.first { $0.tag == base } ?? English()
  }

  private static let shippedTemplates: [String: NoticeTemplate] = {
    let kinds: [DeliveryReport.Kind] = [.failed, .delayed(until: 0), .delivered, .relayed]
    let all = languages.flatMap { language in
      kinds.map { ("\(language.tag) \($0.action)", try? NoticeTemplate(language.source($0))) }
    }
    return Dictionary(uniqueKeysWithValues: all).compactMapValues(\.self)
  }()

  private static let languages: [any NoticeLanguage] = [English(), Dutch(), Finnish()]
}

/// A language that notices are shipped in.
protocol NoticeLanguage: Sendable {
  var tag: String { get }
  /// The template of a kind of notice.
  func source(_ kind: DeliveryReport.Kind) -> String
  /// A cause in words that a sender understands.
  func sentence(_ category: BounceCategory, _ detail: BounceDetail?) -> String
  /// The retry period is over. `cause`: of the last attempt; nil: none was made.
  func expired(_ cause: String?) -> String
  /// Nothing has been tried yet.
  var notTried: String { get }
  /// A moment in UTC.
  func date(_ unixSeconds: Int64) -> String
}

/// What a template can say.
private struct NoticeValues {
  let all: [String: Any]

  init(
    _ kind: DeliveryReport.Kind, _ original: OriginalMessage, _ told: [ToldRecipient], _ nodeName: String,
    _ language: any NoticeLanguage
  ) {
    var values: [String: Any] = [
      "node": MailText.singleLine(nodeName), "id": "\(original.id)", "accepted": language.date(original.arrival),
      "count": told.count, "several": told.count > 1, "recipients": told.map { Self.values($0, language) },
    ]
    switch original.contents {
    case .header(let bytes):
      values["whole"] = false
      values["subject"] = OriginalSubject.read(bytes)
    case .whole(let bytes):
      values["whole"] = true
      values["subject"] = OriginalSubject.read(bytes)
    }
    if case .delayed(let until) = kind { values["until"] = language.date(until) }
    all = values
  }

  private static func values(_ told: ToldRecipient, _ language: any NoticeLanguage) -> [String: Any] {
    var values: [String: Any] = [
      "address": MailText.singleLine("\(told.recipient.address)"), "attempts": told.attempts,
      "tried": told.attempt != nil, "often": told.attempts > 1,
    ]
    let explanation = told.explanation(in: language)
    if !explanation.isEmpty { values["explanation"] = MailText.singleLine(explanation) }
    if told.attempt != nil, let time = told.lastAttempt { values["last_attempt"] = language.date(time) }
    if let reply = told.reply {
      values["reply"] = MailText.singleLine(reply.text)
      if let host = told.attempt?.remote?.name { values["server"] = MailText.singleLine(host) }
    }
    return values
  }
}
