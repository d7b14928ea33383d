import MailModel

/// Command lines into commands: strict, with a reply of its own for each fault.
package enum CommandParser {
  /// The verb, so that the machine can say "not now" before it complains about arguments.
  /// - Returns: nil for a verb that is not known.
  package static func verb(of line: [UInt8]) -> Verb? {
    let word = line.prefix { $0 != Octet.space && $0 != Octet.tab }
    guard word.count <= 8, let text = String(validating: Grammar.uppercased(word), as: UTF8.self) else { return nil }
    return Verb(rawValue: text)
  }

  /// Reads a line that begins with `verb`.
  package static func parse(
    _ verb: Verb, _ line: [UInt8], smtpUTF8: Bool = false
  ) throws(CommandFault) -> Command {
    let arguments = try arguments(of: line, after: verb)
    switch verb {
    case .ehlo: return .ehlo(try helloName(arguments))
    case .helo: return .helo(try helloName(arguments))
    case .auth: return try auth(arguments)
    case .mail: return .mail(try mail(arguments))
    case .rcpt: return .rcpt(try recipient(arguments, smtpUTF8: smtpUTF8))
    case .bdat: return try chunk(arguments)
    case .startTLS: return try bare(.startTLS, arguments)
    case .data: return try bare(.data, arguments)
    case .rset: return try bare(.rset, arguments)
    case .quit: return try bare(.quit, arguments)
    case .noop: return .noop
    case .help: return .help
    case .vrfy: return try query(.vrfy, arguments)
    case .expn: return try query(.expn, arguments)
    }
  }

  /// What follows the verb, without white space at either end (trailing space is to be tolerated, RFC 5321 §4.1.1).
  private static func arguments(of line: [UInt8], after verb: Verb) throws(CommandFault) -> ArraySlice<UInt8> {
    guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == Octet.tab }) else {
      throw .syntax("control character in the command")
    }
    let rest = line.dropFirst(verb.rawValue.utf8.count)
    guard let end = rest.lastIndex(where: { $0 != Octet.space && $0 != Octet.tab }) else { return [] }
    return rest[...end].drop { $0 == Octet.space || $0 == Octet.tab }
  }

  private static func helloName(_ arguments: ArraySlice<UInt8>) throws(CommandFault) -> String {
    guard !arguments.isEmpty else { throw .arguments("a host name or address literal must follow") }
    guard isAcceptableHelloName(arguments) else { throw .arguments("malformed host name or address literal") }
    return String(decoding: arguments, as: UTF8.self)
  }

  private static func bare(_ command: Command, _ arguments: ArraySlice<UInt8>) throws(CommandFault) -> Command {
    guard arguments.isEmpty else { throw .arguments("the command takes no arguments") }
    return command
  }

  private static func query(_ command: Command, _ arguments: ArraySlice<UInt8>) throws(CommandFault) -> Command {
    guard !arguments.isEmpty else { throw .arguments("an argument must follow") }
    return command
  }

  /// `AUTH mechanism [initial-response]` (RFC 4954 §4).
  private static func auth(_ arguments: ArraySlice<UInt8>) throws(CommandFault) -> Command {
    let words = arguments.split(separator: Octet.space, omittingEmptySubsequences: false)
    guard let mechanism = words.first, words.count <= 2, words.allSatisfy({ !$0.isEmpty }) else {
      throw .arguments("AUTH takes a mechanism and at most one initial response")
    }
    let isName = mechanism.allSatisfy {
      Grammar.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
    }
    guard isName, mechanism.count <= 20 else { throw .arguments("malformed mechanism name") }
    let name = String(decoding: Grammar.uppercased(mechanism), as: UTF8.self)
    guard words.count == 2 else { return .auth(mechanism: name, initialResponse: nil) }
    if words[1].elementsEqual([UInt8(ascii: "=")]) { return .auth(mechanism: name, initialResponse: []) }
    guard let response = Base64.decode(words[1]) else { throw .syntax("the initial response is not base 64") }
    return .auth(mechanism: name, initialResponse: response)
  }

  /// `BDAT size [LAST]` (RFC 3030 §2).
  private static func chunk(_ arguments: ArraySlice<UInt8>) throws(CommandFault) -> Command {
    let words = arguments.split(separator: Octet.space)
    guard let first = words.first, (1...2).contains(words.count), let size = number(first) else {
      throw .arguments("BDAT takes a size and possibly LAST")
    }
    guard words.count == 1 || Grammar.equal(words[1], "LAST") else { throw .arguments("only LAST may follow the size") }
    return .bdat(size: size, last: words.count == 2)
  }

  /// One to eighteen digits: anything longer is refused rather than wrapped.
  static func number(_ digits: some Collection<UInt8>) -> Int? {
    guard (1...18).contains(digits.count), digits.allSatisfy(Grammar.isDigit) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
