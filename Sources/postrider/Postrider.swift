internal import ArgumentParser
internal import Foundation
internal import Observability
internal import Settings

/// The command line: one executable, one subcommand for each role and each thing to look at or steer.
@main
struct Postrider: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "postrider",
    abstract: "A clustered outbound mail node.",
    discussion: """
      Every setting can be given in a YAML file (--config), in the environment (POSTRIDER_…) or by --set key=value;
      `postrider config` shows what is in effect.

      EXIT CODES:
      \(ExitStatus.table)

      SHELL COMPLETION:
        postrider --generate-completion-script bash   (or zsh, fish)
      """,
    version: version,
    subcommands: [
      Config.self, AcceptorCommand.self, WorkerCommand.self, KeeperCommand.self, InboundCommand.self,
      DeliverAloneCommand.self, DiscoveryCommand.self,
      MigrateCommand.self, DevCommand.self, QueueCommand.self, MessageCommand.self, TenantCommand.self,
      DomainCommand.self, CredentialCommand.self, NoticeCommand.self, SuppressionCommand.self, DKIMCommand.self,
      LimitsCommand.self,
      BounceInfoCommand.self, DatabaseCommand.self, DoctorCommand.self,
    ])

  static let version = "0.1.0"

  /// Ends every command with a code that means something and, when it failed, one message on stderr.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      Logs.flush()
    } catch let failure as CommandFailure {
      failure.end()
    } catch let fault as SettingsFault {
      CommandFailure(fault).end()
    } catch {
      Logs.flush()
      exit(withError: error)
    }
  }
}
