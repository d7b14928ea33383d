import MailModel

/// `MAIL` and `RCPT` (RFC 5321 §4.1.1.2 and §4.1.1.3) and the parameters of the extensions that we offer.
extension CommandParser {
  static func mail(_ arguments: ArraySlice<UInt8>) throws(CommandFault) -> MailCommand {
    var cursor = try afterKeyword("FROM:", arguments, command: "MAIL")
    var mail: MailCommand
    do throws(AddressFault) {
      mail = MailCommand(reversePath: try PathParser.path(&cursor))
    } catch {
      throw CommandFault(501, .init(5, 1, 7), "bad sender address: \(error.reason)")
    }
    var seen: Set<String> = []
    while let parameter = try nextParameter(&cursor) {
      guard seen.insert(parameter.keyword).inserted else { throw .arguments("\(parameter.keyword) was given twice") }
      try apply(parameter, to: &mail)
    }
    if let sender = mail.reversePath, sender.needsSMTPUTF8, !mail.smtpUTF8 {
      throw CommandFault(550, .init(5, 6, 7), "a sender address outside of ASCII needs SMTPUTF8")
    }
    return mail
  }

  static func recipient(_ arguments: ArraySlice<UInt8>, smtpUTF8: Bool) throws(CommandFault) -> Recipient {
    var cursor = try afterKeyword("TO:", arguments, command: "RCPT")
    var recipient = Recipient(address: try forwardPath(&cursor))
    var seen: Set<String> = []
    while let parameter = try nextParameter(&cursor) {
      guard seen.insert(parameter.keyword).inserted else { throw .arguments("\(parameter.keyword) was given twice") }
      try apply(parameter, to: &recipient, smtpUTF8: smtpUTF8)
    }
    if recipient.address.needsSMTPUTF8, !smtpUTF8 {
      throw CommandFault(553, .init(5, 6, 7), "a recipient address outside of ASCII needs SMTPUTF8")
    }
    return recipient
  }

  private static func forwardPath(_ cursor: inout ByteCursor) throws(CommandFault) -> MailAddress {
    if Grammar.equal(cursor.rest.prefix(12), "<POSTMASTER>") {
      throw CommandFault(550, .init(5, 1, 1), "no mailboxes live here: give postmaster a domain")
    }
    do throws(AddressFault) {
      guard let address = try PathParser.path(&cursor) else { throw AddressFault("it is empty") }
      return address
    } catch {
      throw CommandFault(501, .init(5, 1, 3), "bad recipient address: \(error.reason)")
    }
  }

  private static func afterKeyword(
    _ keyword: StaticString, _ arguments: ArraySlice<UInt8>, command: String
  ) throws(CommandFault) -> ByteCursor {
    let count = keyword.utf8CodeUnitCount
    guard Grammar.equal(arguments.prefix(count), keyword) else {
      throw .syntax("\(command) \(keyword)<address> expected")
    }
    return ByteCursor(arguments.dropFirst(count))
  }
}

/// `keyword[=value]` (RFC 5321 §4.1.2, `esmtp-param`).
struct CommandParameter {
  let keyword: String
  let value: ArraySlice<UInt8>?
}

extension CommandParser {
  private static func nextParameter(_ cursor: inout ByteCursor) throws(CommandFault) -> CommandParameter? {
    guard !cursor.isAtEnd else { return nil }
    guard !cursor.take(while: { $0 == Octet.space }).isEmpty else {
      throw .syntax("a space must stand before each parameter")
    }
    let keyword = cursor.take { Grammar.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    guard let first = keyword.first, first != UInt8(ascii: "-"), keyword.count <= 64 else {
      throw .syntax("malformed parameter")
    }
    var value: ArraySlice<UInt8>?
    if cursor.take(UInt8(ascii: "=")) {
      let taken = cursor.take(while: Grammar.isParameterValue)
      guard !taken.isEmpty else { throw .syntax("a parameter has no value after =") }
      value = taken
    }
    guard cursor.isAtEnd || cursor.next == Octet.space else { throw .syntax("malformed parameter") }
    return CommandParameter(keyword: String(decoding: Grammar.uppercased(keyword), as: UTF8.self), value: value)
  }

  private static func apply(_ parameter: CommandParameter, to mail: inout MailCommand) throws(CommandFault) {
    switch (parameter.keyword, parameter.value) {
    case ("SIZE", let value?):
      mail.size = try declaredSize(value)
    case ("BODY", let value?):
      mail.body = try bodyKind(value)
    case ("SMTPUTF8", nil):
      mail.smtpUTF8 = true
    case ("RET", let value?):
      guard let returned = returnedContent(value) else { throw .arguments("RET takes FULL or HDRS") }
      mail.returned = returned
    case ("ENVID", let value?):
      mail.envelopeID = try envelopeID(value)
    case ("AUTH", let value?):
      // RFC 4954 §5: who submitted it first. Nobody here believes it, but its form is checked.
      guard let identity = Xtext.decode(value) else { throw .arguments("AUTH is not xtext") }
      guard identity.elementsEqual("<>".utf8) || (try? PathParser.mailbox(identity[...])) != nil else {
        throw .arguments("AUTH takes a mailbox or <>")
      }
    default:
      throw unknown(parameter, known: ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"])
    }
  }

  private static func apply(
    _ parameter: CommandParameter, to recipient: inout Recipient, smtpUTF8: Bool
  ) throws(CommandFault) {
    switch (parameter.keyword, parameter.value) {
    case ("NOTIFY", let value?): recipient.notify = try notifyConditions(value)
    case ("ORCPT", let value?): recipient.originalRecipient = try originalRecipient(value, smtpUTF8: smtpUTF8)
    default: throw unknown(parameter, known: ["NOTIFY", "ORCPT"])
    }
  }

  /// 555 for what we do not know (RFC 5321 §4.1.1.11), 501 for a known keyword with or without its value.
  private static func unknown(_ parameter: CommandParameter, known: Set<String>) -> CommandFault {
    guard known.contains(parameter.keyword) else {
      return CommandFault(555, .init(5, 5, 4), "unknown parameter \(parameter.keyword)")
    }
    return .arguments("\(parameter.keyword) \(parameter.value == nil ? "needs a value" : "takes no value")")
  }

  /// RFC 1870 §3 allows twenty digits: what does not fit is too large for anybody.
  private static func declaredSize(_ value: ArraySlice<UInt8>) throws(CommandFault) -> Int {
    guard value.count <= 20, value.allSatisfy(Grammar.isDigit) else {
      throw .arguments("SIZE takes a number of octets")
    }
    return number(value) ?? .max
  }

  private static func bodyKind(_ value: ArraySlice<UInt8>) throws(CommandFault) -> BodyKind {
    if Grammar.equal(value, "7BIT") { return .sevenBit }
    if Grammar.equal(value, "8BITMIME") { return .eightBit }
    // Most servers do not take binary content, and converting it would mean rewriting signed MIME parts.
    if Grammar.equal(value, "BINARYMIME") { throw CommandFault(555, .init(5, 6, 1), "BINARYMIME is not offered") }
    throw .arguments("BODY takes 7BIT or 8BITMIME")
  }

  private static func returnedContent(_ value: ArraySlice<UInt8>) -> ReturnedContent? {
    if Grammar.equal(value, "FULL") { return .full }
    return Grammar.equal(value, "HDRS") ? .headers : nil
  }

  /// RFC 3461 §4.4: up to 100 characters of xtext, printable once decoded.
  private static func envelopeID(_ value: ArraySlice<UInt8>) throws(CommandFault) -> String {
    guard value.count <= 100 else { throw .arguments("ENVID is longer than 100 characters") }
    guard let decoded = Xtext.decode(value), decoded.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw .arguments("ENVID is not xtext of printable characters")
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  /// RFC 3461 §4.1: `NEVER`, or a list of the others.
  private static func notifyConditions(_ value: ArraySlice<UInt8>) throws(CommandFault) -> NotifyConditions {
    if Grammar.equal(value, "NEVER") { return .never }
    var conditions: NotifyConditions = []
    for word in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let condition: NotifyConditions
      if Grammar.equal(word, "SUCCESS") {
        condition = .success
      } else if Grammar.equal(word, "FAILURE") {
        condition = .failure
      } else if Grammar.equal(word, "DELAY") {
        condition = .delay
      } else {
        throw .arguments("NOTIFY takes NEVER, or a list of SUCCESS, FAILURE and DELAY")
      }
      guard conditions.insert(condition).inserted else { throw .arguments("NOTIFY repeats itself") }
    }
    return conditions
  }

  /// RFC 3461 §4.2 (`rfc822;xtext`) and RFC 6533 §3 (`utf-8;…`): kept as given, so only its form is checked.
  private static func originalRecipient(_ value: ArraySlice<UInt8>, smtpUTF8: Bool) throws(CommandFault) -> String {
    guard value.count <= 500 else { throw .arguments("ORCPT is longer than 500 characters") }
    let parts = value.split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
      parts[0].allSatisfy({ $0 < 0x80 && Grammar.isAtext($0) })
    else { throw .arguments("ORCPT takes type;address") }
    let isUTF8 = Grammar.equal(parts[0], "UTF-8")
    if isUTF8, smtpUTF8, parts[1].contains(where: { $0 >= 0x80 }) {
      guard let text = Grammar.text(value) else { throw .arguments("ORCPT is not valid UTF-8 text") }
      return text
    }
    guard isUTF8 || Xtext.decode(parts[1]) != nil, parts[1].allSatisfy({ $0 < 0x80 }) else {
      throw .arguments("ORCPT is not xtext")
    }
    return String(decoding: value, as: UTF8.self)
  }
}
