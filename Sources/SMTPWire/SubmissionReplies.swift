import MailModel

/// What the server says, where it does not depend on the command's text.
enum SubmissionReplies {
  static let ok = Reply(250, .init(2, 0, 0), "Ok")
  static let senderOk = Reply(250, .init(2, 1, 0), "Sender Ok")
  static let recipientOk = Reply(250, .init(2, 1, 5), "Recipient Ok")
  static let startContent = Reply(354, nil, "End data with <CRLF>.<CRLF>")
  static let startTLS = Reply(220, .init(2, 0, 0), "Ready to start TLS")
  static let loggedIn = Reply(235, .init(2, 7, 0), "Authentication successful")
  static let verify = Reply(252, .init(2, 0, 0), "Cannot verify the user, but will accept mail and try to deliver it")
  static let expand = Reply(502, .init(5, 5, 1), "There are no mailing lists here")
  static let help = Reply(
    214, .init(2, 0, 0),
    "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP\nSee RFC 5321 and RFC 6409")

  static let unknownCommand = Reply(500, .init(5, 5, 1), "Command not recognized")
  static let commandTooLong = Reply(500, .init(5, 5, 2), "Command line too long")
  static let helloFirst = Reply(503, .init(5, 5, 1), "Send EHLO first")
  static let ehloFirst = Reply(503, .init(5, 5, 1), "Send EHLO first: HELO offers no extensions")
  static let tlsFirst = Reply(530, .init(5, 7, 0), "Must issue a STARTTLS command first")
  static let loginFirst = Reply(530, .init(5, 7, 0), "Authentication required")
  static let loginNeedsTLS = Reply(538, .init(5, 7, 11), "Encryption required: logins are taken under TLS only")
  static let noLogin = Reply(502, .init(5, 5, 1), "AUTH is not offered here")
  static let noTLS = Reply(502, .init(5, 5, 1), "STARTTLS is not offered here")
  static let tlsActive = Reply(503, .init(5, 5, 1), "TLS is active already")
  static let loginActive = Reply(503, .init(5, 5, 1), "Already logged in")
  static let inTransaction = Reply(503, .init(5, 5, 1), "Not in the middle of a transaction")
  static let nestedMail = Reply(503, .init(5, 5, 1), "The sender has been given already")
  static let mailFirst = Reply(503, .init(5, 5, 1), "Send MAIL first")
  static let recipientFirst = Reply(503, .init(5, 5, 1), "Send RCPT first")
  static let noValidRecipients = Reply(554, .init(5, 5, 1), "No valid recipients")
  static let dataAmongChunks = Reply(503, .init(5, 5, 1), "DATA cannot follow BDAT")
  static let resetFirst = Reply(503, .init(5, 5, 1), "A chunk was refused: send RSET")
  static let unknownMechanism = Reply(504, .init(5, 5, 4), "Authentication mechanism not offered: use PLAIN or LOGIN")

  static let shuttingDown = Reply(421, .init(4, 3, 2), "The server is shutting down, try again")
  static let tooManyErrors = Reply(421, .init(4, 7, 0), "Too many errors")
  static let tooManyCommands = Reply(421, .init(4, 7, 0), "Too many commands without mail")
  static let tooManyFailedLogins = Reply(421, .init(4, 7, 0), "Too many failed logins")
  static let tooManyRefusedRecipients = Reply(421, .init(4, 5, 3), "Far too many recipients")

  static func goodbye(_ host: String) -> Reply { Reply(221, .init(2, 0, 0), "\(host) closing the connection") }

  static func tooManyRecipients(_ limit: Int) -> Reply {
    Reply(452, .init(4, 5, 3), "Too many recipients: at most \(limit) in one transaction")
  }

  static func tooLarge(_ limit: Int) -> Reply {
    Reply(552, .init(5, 3, 4), "Message too large: at most \(limit) octets")
  }

  static func chunkTaken(_ size: Int) -> Reply { Reply(250, .init(2, 0, 0), "\(size) octets received") }

  static func bareInCommand(_ octet: BareOctet) -> Reply {
    Reply(500, .init(5, 5, 2), "Bare \(octet.name) in a command: lines end with CRLF")
  }

  /// - Parameter line: where the fault is, counted from 1.
  static func content(_ fault: ContentFault, line: Int, limits: SubmissionLimits) -> Reply {
    switch fault {
    case .bare(let octet):
      Reply(554, .init(5, 6, 0), "Bare \(octet.name) in line \(line) of the message: lines end with CRLF")
    case .lineTooLong:
      Reply(554, .init(5, 6, 0), "Line \(line) of the message is too long: at most \(limits.lineLengthMax) octets")
    case .tooLarge:
      tooLarge(limits.messageSizeMax)
    }
  }
}
