import MailTesting
import NIOPosix

@testable import Redis

extension RedisConfiguration {
  /// Limits that no test reaches unless it wants to, and short pauses.
  static var patient: RedisConfiguration {
    var configuration = RedisConfiguration()
    configuration.commandTimeout = .seconds(60)
    configuration.connectTimeout = .seconds(60)
    configuration.pauseFirst = .milliseconds(5)
    configuration.pauseMax = .milliseconds(100)
    return configuration
  }
}

extension RedisClient {
  /// Not connected yet.
  convenience init(_ url: String, _ configuration: RedisConfiguration = .patient) throws {
    self.init(url: try RedisURL(url), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
  }

  static func connected(to url: String, _ configuration: RedisConfiguration = .patient) async throws -> RedisClient {
    let client = try RedisClient(url, configuration)
    _ = await client.waitUntilConnected(limit: .seconds(180))
    return client
  }

  /// Until a command succeeds: after a server's restart the loss of the connection may not have been noticed yet.
  func waitUntilAnswered() async {
    while await failure() != nil { _ = await waitUntilConnected(limit: .seconds(180)) }
  }

  /// The error of a command that must fail.
  func failure(of arguments: [RedisArgument] = ["PING"]) async -> RedisError? {
    do throws(RedisError) {
      _ = try await send(arguments)
      return nil
    } catch {
      return error
    }
  }
}

extension RedisError {
  var isNotConnected: Bool { if case .notConnected = self { true } else { false } }
  var isConnectionLost: Bool { if case .connectionLost = self { true } else { false } }
  var isProtocolViolation: Bool { if case .protocolViolation = self { true } else { false } }
}
