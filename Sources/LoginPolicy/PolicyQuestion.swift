internal import Foundation

/// What a mailbox server asks about a login, or says of one, in the form of Dovecot's authentication policy: a JSON
/// object, posted with `?command=allow` before the password is checked and once more if it is right, and with
/// `?command=report` when all is done.
struct PolicyQuestion: Sendable, Hashable {
  enum Command: String, Sendable {
    case allow, report
  }

  /// How a login ended.
  enum Outcome: Sendable, Hashable {
    case right
    case wrong
    /// We have refused it: its password may not even have been looked at.
    case refused
  }

  /// As the client said it; nobody has checked it.
  var login: String
  /// The same for the same password of one user name; empty where the client gave none.
  var passwordHash: String
  /// The client's address; empty for a login of the server's own.
  var remote: String
  /// nil: the login has not ended.
  var outcome: Outcome?

  /// More than a user name of any length that means something takes, every octet of it escaped.
  static let sizeMax = 16 << 10

  private struct Body: Decodable {
    var login: String
    var pwhash: String
    var remote: String
    var success: Bool?
    var policyReject: Bool?

    enum CodingKeys: String, CodingKey {
      case login, pwhash, remote, success
      case policyReject = "policy_reject"
    }
  }

  /// - Parameter uri: the request's target; its path does not matter.
  /// - Returns: nil unless the query says one of the two commands, and nothing else.
  static func command(_ uri: String) -> Command? {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].hasPrefix("command=") else { return nil }
    return Command(rawValue: String(parts[1].dropFirst("command=".count)))
  }

  /// - Returns: nil for what is no such object. Members that nobody knows are left alone.
  init?(_ command: Command, _ body: [UInt8]) {
    // Foundation would otherwise take UTF-16 and UTF-32 as well.
    guard body.count <= Self.sizeMax, body.first == UInt8(ascii: "{"), !body.contains(0),
      String(validating: body, as: UTF8.self) != nil,
      let object = try? JSONDecoder().decode(Body.self, from: Data(body))
    else { return nil }
    (login, passwordHash, remote) = (object.login, object.pwhash, object.remote)
    guard command == .report else { return }
    guard let isRight = object.success else { return nil }
    outcome = object.policyReject == true ? .refused : isRight ? .right : .wrong
  }
}
