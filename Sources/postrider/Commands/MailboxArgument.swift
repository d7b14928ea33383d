internal import ArgumentParser
internal import MailModel
internal import SMTPWire

/// A mailbox, checked as SMTP would.
struct MailboxArgument: ExpressibleByArgument {
  let value: MailAddress

  init?(argument: String) {
    guard let address = try? PathParser.mailbox(Array(argument.utf8)[...]) else { return nil }
    value = address
  }
}
