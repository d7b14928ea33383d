package import NIOCore
package import Redis

/// Hears the publishers' hints: there may be new mail.
package final class WakeHintListener: Sendable {
  /// At most one hint waits, for a second one says nothing new. One reader; ends with `shutdown`.
  ///
  /// There is a hint after every connecting too, because one may have been missed before.
  package let hints: AsyncStream<Void>
  private let subscription: RedisSubscription

  /// - Parameter group: must live until after `shutdown`.
  package init(url: RedisURL, configuration: RedisConfiguration = RedisConfiguration(), group: any EventLoopGroup) {
    let (hints, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.hints = hints
    subscription = RedisSubscription(
      url: url, channels: [wakeHintChannel], configuration: configuration, group: group,
      onEnd: { continuation.finish() }, onEvent: { _ in continuation.yield() })
  }

  package var status: RedisStatus { subscription.status }

  package func shutdown() async { await subscription.shutdown() }
}
