internal import MailModel

/// What a walk through a client's steps tries.
struct ClientPlan: Sendable {
  struct Port: Sendable {
    let number: Int
    let security: Security
  }

  enum Security: String, Sendable, Encodable {
    /// From the first octet on (RFC 8314 §3.3): mail programs call it SSL/TLS.
    case implicitTLS = "SSL/TLS"
    case startTLS = "STARTTLS"
  }

  struct Account: Sendable {
    let user: String
    let password: String
  }

  /// As the mail program has it: its certificate must cover it.
  let host: String
  var ports: [Port] = []
  var account: Account?
  /// nil: the user name is no address, and none was given.
  var sender: MailAddress?
  var recipient: MailAddress?
  /// Of a message that would be sent.
  var size: Int?
  /// A message is really sent.
  var sends = false
  /// For each step.
  var limit: Duration = .seconds(20)

  init(host: String) { self.host = host }
}
