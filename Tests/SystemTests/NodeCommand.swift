import MailTesting
import Supervision

extension RunningNode {
  /// Runs an operator's command with this node's settings.
  func command(_ arguments: [String]) async throws -> (status: ExitStatus, output: String) {
    try await run(ProcessHarness.productsDirectory + "/postrider", arguments + ["--config", settingsFile])
  }
}
