internal import NIOCore
internal import NIOPosix
internal import Settings

/// The server of the mailboxes: does it take connections?
struct MailboxChecks {
  let settings: Settings

  /// Nothing where no mailboxes are kept.
  func run() async -> [Finding] {
    guard let server = settings.mailboxes.lmtp else { return [] }
    let start = ContinuousClock.now
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(5)).connect(host: server.host, port: server.port).get()
      let time = (ContinuousClock.now - start).precise
      try? await channel.close()
      return [.ok("mailboxes", "\(server) takes connections, in \(time)")]
    } catch {
      return [
        .failed(
          "mailboxes", "\(server): \(error)",
          advice: "start Dovecot or mend mailboxes.lmtp; until then mail for hosted domains waits")
      ]
    }
  }
}
