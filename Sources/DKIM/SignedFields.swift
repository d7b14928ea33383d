import MailFormat

/// Which header fields a signature covers (RFC 6376 §5.4.1).
///
/// A name that is listed once more than it is present also covers its absence: nobody can add a second `From` or
/// `Subject` that a mail client would show in the place of the signed one (§8.15).
enum SignedFields {
  private enum Rule {
    /// Covered with every occurrence and against one more, present or not: what readers see or clients act upon.
    case always
    /// The same, but only where it is present: mailing lists and resenders that change nothing else may add it.
    case ifPresent
    /// Each occurrence is covered; more may come.
    case eachPresent
  }

  /// Trace fields, `Return-Path` and signatures are not among them: others add those on the way (§5.4.1).
  private static let rules: [(name: StaticString, rule: Rule)] = [
    ("from", .always), ("reply-to", .always), ("to", .always), ("cc", .always), ("subject", .always),
    ("date", .always), ("message-id", .always), ("in-reply-to", .always), ("references", .always),
    ("mime-version", .always), ("content-type", .always), ("content-transfer-encoding", .always),
    ("content-disposition", .ifPresent), ("content-id", .ifPresent), ("content-description", .ifPresent),
    ("content-language", .ifPresent), ("sender", .ifPresent), ("list-id", .ifPresent), ("list-help", .ifPresent),
    ("list-unsubscribe", .ifPresent), ("list-unsubscribe-post", .ifPresent), ("list-subscribe", .ifPresent),
    ("list-post", .ifPresent), ("list-owner", .ifPresent), ("list-archive", .ifPresent), ("feedback-id", .ifPresent),
    ("autocrypt", .ifPresent), ("auto-submitted", .ifPresent), ("resent-date", .eachPresent),
    ("resent-from", .eachPresent), ("resent-to", .eachPresent), ("resent-cc", .eachPresent),
    ("resent-message-id", .eachPresent),
  ]

  /// - Parameter fields: in the order of the header.
  /// - Returns: the names for `h=`, and the fields that are there in the order in which they are hashed. Of several with
  ///   one name the last comes first (§5.4.2).
  static func select(_ fields: [HeaderField], of header: [UInt8]) -> (names: [StaticString], fields: [HeaderField]) {
    var found = [[HeaderField]](repeating: [], count: rules.count)
    for field in fields.reversed() {
      let name = header[field.name]
      if let number = rules.firstIndex(where: { isName(name, $0.name) }) { found[number].append(field) }
    }
    var names: [StaticString] = []
    for (rule, present) in zip(rules, found) {
      let isCoveredAgainstMore =
        switch rule.rule {
        case .always: true
        case .ifPresent: !present.isEmpty
        case .eachPresent: false
        }
      names += Array(repeating: rule.name, count: present.count + (isCoveredAgainstMore ? 1 : 0))
    }
    return (names, found.flatMap(\.self))
  }
}
