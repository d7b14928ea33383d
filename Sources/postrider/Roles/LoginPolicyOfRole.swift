internal import Cryptography
internal import LoginPolicy
internal import NIOCore
internal import Settings

extension Node {
  /// What acceptors tell the server of the mailboxes. Without an address to listen on it does nothing.
  /// - Throws: when its secret cannot be used.
  func loginPolicy(_ decisions: LoginDecisions, group: any EventLoopGroup) throws -> LoginPolicyService {
    let policy = settings.mailboxes.policy
    let listeners = policy.listen.map { PolicyConfiguration.Listener(address: $0.host, port: $0.port) }
    var key: PolicyKey?
    if !listeners.isEmpty, let file = policy.keyFile {
      do throws(CryptographyFailure) {
        key = try PolicyKey.load(file: file)
      } catch {
        throw CommandFailure(.configuration, "the secret of mailboxes.policy.key_file cannot be used: \(error.reason)")
      }
    }
    return LoginPolicyService(
      configuration: PolicyConfiguration(listeners: listeners, key: key), decisions: decisions, group: group,
      logger: logger)
  }
}

extension LoginPolicyService {
  /// - Throws: when an address cannot be had.
  func begin() async throws {
    do {
      try await start()
    } catch let failure as PolicyFailure {
      throw CommandFailure(.configuration, failure.reason)
    }
  }
}
