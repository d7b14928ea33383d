internal import ArgumentParser
internal import Observability
internal import Settings

/// `postrider doctor`: is everything there that the node needs, and if not, what is to be done.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check settings, database, Redis, DNS, scanners, certificate, ports and clock, and say what to do.",
    discussion: """
      A warning is about something that is missing but not fatal, or will be. Exit code 2 when a check failed, 0
      otherwise. Nothing is changed.
      """)

  @OptionGroup var common: CommonOptions

  private struct Record: Encodable {
    var status: Finding.Status
    var checks: [Finding]
  }

  func run() async throws {
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
      print(text(findings), terminator: "")
    }
    if findings.status == .failed { throw ExitCode(ExitStatus.unhealthy.rawValue) }
  }

  private func text(_ findings: [Finding]) -> String {
    let width = findings.map { Table.width($0.check) }.max() ?? 0
    var text = ""
    for finding in findings {
      let status = finding.status.rawValue
      text += status + String(repeating: " ", count: 9 - status.count)
      text += finding.check + String(repeating: " ", count: width - Table.width(finding.check)) + "  "
      text += escaped(finding.detail) + "\n"
      if let advice = finding.advice { text += String(repeating: " ", count: width + 11) + "→ \(escaped(advice))\n" }
    }
    let failed = findings.count { $0.status == .failed }
    let warnings = findings.count { $0.status == .warning }
    return text + "\n\(findings.count) checks, \(failed) failed, \(warnings) warnings\n"
  }
}
