internal import MailModel

/// How a worker's connection to the server of mailboxes is kept from others.
enum LMTPEncryption: CustomStringConvertible {
  /// `mailboxes.tls: none`.
  case notWanted
  case notOffered
  case refused(String)
  case on(TLSFacts)

  var description: String {
    switch self {
    case .notWanted: "in clear, as mailboxes.tls says"
    case .notOffered: "in clear: STARTTLS is not offered"
    case .refused(let reply): "in clear: STARTTLS is refused (\(reply))"
    case .on(let facts):
      "\(facts.version), with a certificate that \(facts.verified ? "stands for its name" : "is not looked at")"
    }
  }

  /// Where workers go on, and should not have to.
  var advice: String? {
    switch self {
    case .notOffered, .refused:
      "give Dovecot a certificate (ssl_cert, ssl_key), unless nobody can listen between it and the workers: then "
        + "mailboxes.tls: none says so"
    case .notWanted, .on: nil
    }
  }
}
