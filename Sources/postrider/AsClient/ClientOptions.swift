internal import ArgumentParser
internal import Foundation
internal import Settings

/// What `postrider doctor` is told when it plays a mail program.
struct ClientOptions: ParsableArguments {
  @Option(
    name: .customLong("as-client"),
    help: ArgumentHelp(
      "Do what a mail program does with this server, from this machine, and say what fails.", valueName: "host"))
  var host: String?

  @Option(help: ArgumentHelp("Log in with this user name.", valueName: "name")) var user: String?

  @OptionGroup var source: PasswordSource

  @Option(help: ArgumentHelp("The sender to try. Default: the user name.", valueName: "address"))
  var from: MailboxArgument?

  @Option(help: ArgumentHelp("A recipient to try. Nothing is sent to it without --send.", valueName: "address"))
  var to: MailboxArgument?

  @Flag(help: "Really send a short message to the recipient.") var send = false

  @Option(help: ArgumentHelp("Ask whether a message of so many bytes would be taken.", valueName: "bytes"))
  var size: Int?

  @Option(name: .customLong("tls-port"), help: "The port for TLS from the start; 0: do not try it.")
  var implicitPort = 465

  @Option(name: .customLong("starttls-port"), help: "The port for STARTTLS; 0: do not try it.")
  var startTLSPort = 587

  @Option(
    name: .customLong("ca-file"),
    help: ArgumentHelp(
      "PEM file with the authorities to trust. Default: the system's.", valueName: "file"),
    completion: .file())
  var authorityFile: String?

  @Option(help: ArgumentHelp("How long a step may take (the message: ten times that).", valueName: "duration"))
  var timeout: LimitedDuration = LimitedDuration(.seconds(20))

  func validate() throws {
    guard host != nil else {
      let isUsed = user != nil || from != nil || to != nil || send || size != nil || source.passwordFile != nil
      if isUsed { throw ValidationError("these options go with --as-client HOST") }
      return
    }
    let ports = [implicitPort, startTLSPort]
    guard ports.allSatisfy((0...65_535).contains), ports != [0, 0] else {
      throw ValidationError("a port is a number from 1 to 65535, and one of the two must be tried")
    }
    if let size, size < 1 { throw ValidationError("--size is a number of bytes") }
    if timeout.duration < .milliseconds(1) { throw ValidationError("--timeout must be longer than nothing") }
    if send, to == nil { throw ValidationError("--send needs a recipient: --to ADDRESS") }
    if user == nil, from != nil || to != nil || size != nil {
      throw ValidationError("--from, --to and --size are tried after a login: --user NAME")
    }
    if user == nil, source.passwordFile != nil { throw ValidationError("a password needs --user NAME") }
  }

  /// Asks for the password if that is needed.
  /// - Throws: `CommandFailure` when there is none.
  func plan(_ host: String) throws -> ClientPlan {
    var plan = ClientPlan(host: host)
    plan.ports = [
      ClientPlan.Port(number: implicitPort, security: .implicitTLS),
      ClientPlan.Port(number: startTLSPort, security: .startTLS),
    ].filter { $0.number > 0 }
    (plan.limit, plan.size, plan.recipient, plan.sends) = (timeout.duration, size, to?.value, send)
    if let user {
      plan.account = ClientPlan.Account(user: user, password: try password(of: user, at: host))
      plan.sender = from?.value ?? MailboxArgument(argument: user)?.value
    }
    return plan
  }

  private func password(of user: String, at host: String) throws -> String {
    if let bytes = try source.read() { return String(decoding: bytes, as: UTF8.self) }
    if let known = ProcessInfo.processInfo.environment["SMTP_PASSWORD"], !known.isEmpty { return known }
    if let typed = PasswordPrompt.read("password of \(user) at \(host): "), !typed.isEmpty { return typed }
    throw CommandFailure(
      .usage, "there is no password", advice: "type it at a terminal, or use --password-file FILE or SMTP_PASSWORD")
  }
}
