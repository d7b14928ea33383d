internal import MailModel

/// What a refusal means to whoever writes mail, and what to do: by code and enhanced code (RFC 3463, RFC 4954 §6), as
/// this server gives them.
enum ReplyAdvice {
  enum Step {
    case greeting
    case login(user: String)
    case sender, recipient, message
  }

  static func advice(for reply: Reply, at step: Step) -> String {
    if reply.code == 421 || reply.isTransient { return transient(reply) }
    return switch step {
    case .greeting: "the server wants nothing from this address: ask its operator"
    case .login(let user): login(reply, user)
    case .sender: sender(reply)
    case .recipient: recipient(reply)
    case .message: message(reply)
    }
  }

  private static func transient(_ reply: Reply) -> String {
    switch (reply.enhanced?.subject, reply.enhanced?.detail) {
    case (7, 1):
      "a limit is reached: wait as long as it says, stop what logs in or sends so often, or ask for a higher one"
    case (3, 2): "the server is full or about to end: try again in a minute"
    case (3, 1), (2, 2): "the server has no room: try again later"
    default: "the server cannot do it now: try again later"
    }
  }

  private static func login(_ reply: Reply, _ user: String) -> String {
    switch reply.code {
    case 525:
      return "ask who manages the account: it is switched off, or for other uses than sending"
    case 530, 538:
      return "the login must come under TLS: set SSL/TLS or STARTTLS in the mail program"
    case 504:
      return "set the mail program to «normal password»"
    default:
      let name = user.contains("@") ? "" : "«\(user)» is no whole address, and most user names are: alice@example.com; "
      return name + "see user name and password; copy the password instead of typing it, without a space around it"
    }
  }

  private static func sender(_ reply: Reply) -> String {
    switch (reply.code, reply.enhanced?.subject, reply.enhanced?.detail) {
    case (530, _, _): "the server wants a login first"
    case (553, _, _): "send as the address that the login is for, or ask for this one to be allowed (--allow-sender)"
    case (550, 7, 1): "whoever manages the domain must publish the record that the reply names"
    case (_, 7, 13): "ask who manages the account: it is switched off, or for other uses than sending"
    case (554, 7, 1): "this network's address is on a block list: the reply says on which, and whom to ask"
    case (501, _, _), (_, 1, 7): "see how the address is written"
    default: "ask the server's operator, with this reply"
    }
  }

  private static func recipient(_ reply: Reply) -> String {
    switch (reply.code, reply.enhanced?.subject) {
    case (501, _), (_, 1): "see how the address is written"
    case (553, _): "see how the address is written, and whether the server takes such addresses"
    default: "ask the server's operator, with this reply"
    }
  }

  private static func message(_ reply: Reply) -> String {
    switch (reply.code, reply.enhanced?.subject, reply.enhanced?.detail) {
    case (552, _, _), (_, 3, 4): "make it smaller: attachments grow by a third on their way; a link may do"
    case (554, 7, 0): "a virus scanner found something in it: look at the attachments"
    case (550, 7, 1), (553, 7, 1):
      "it looks like spam, or its From is not an address of this login: the reply says which"
    case (554, 5, 3): "write to fewer recipients at once"
    case (_, 6, _): "the program that made it breaks the rules of mail: the reply says where"
    default: "ask the server's operator, with this reply"
    }
  }
}
