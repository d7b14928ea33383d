internal import ArgumentParser
internal import Foundation
internal import Observability
internal import Settings

/// `postrider doctor`: is everything there that the node needs, and if not, what is to be done; or the same for somebody
/// who wants to send through it.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check an installation, or with --as-client what a mail program meets, and say what to do.",
    discussion: """
      Checks settings, database, Redis, DNS, scanners, certificate, ports and clock. A warning is about something that is
      missing but not fatal, or will be. Exit code 2 when a check failed, 0 otherwise. Nothing is changed.

      With --as-client HOST it does what a mail program does with that server: DNS, ports, TLS, certificate, and with
      --user login, sender, recipient (--to) and size (--size). It needs neither settings nor database, so it runs on any
      machine. A password is asked for, or comes from --password-file or SMTP_PASSWORD. It goes only where the certificate
      stands for the name. No message is sent, except with --send.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "As a client") var client: ClientOptions

  private struct Record: Encodable {
    var status: Finding.Status
    var checks: [Finding]
  }

  func run() async throws {
    if let host = client.host { return try await ClientDoctor(common: common, options: client, host: host).run() }
    let settings = try common.settings()
    let changed = settings.entries.count { $0.origin != .standard }
    var findings = [
      Finding.ok("settings", "in order, \(changed) of \(settings.entries.count) differ from the defaults")
    ]
    findings += DatabaseChecks.all(settings)
    findings += await NetworkChecks(settings: settings).run()
    findings += await BlocklistChecks(settings: settings).run()
    findings += await ScannerChecks(settings: settings).run()
    findings += await MailboxChecks(settings: settings).run()
    findings += FileChecks(settings: settings).run()
    if common.json {
      try JSONOutput.print(Record(status: findings.status, checks: findings))
    } else {
      let width = findings.map { Table.width($0.check) }.max() ?? 0
      print(findings.map { $0.text(width: width) }.joined() + "\n" + findings.counts)
    }
    if findings.status == .failed { throw ExitCode(ExitStatus.unhealthy.rawValue) }
  }
}
