internal import NIOConcurrencyHelpers
package import NIOCore

/// Messages of Redis channels, over a connection of their own that subscribes again whenever it comes back.
///
/// Messages that are published while there is no connection are lost; `subscribed` says when that may have happened.
package final class RedisSubscription: Sendable {
  package enum Event: Sendable, Equatable {
    /// All channels are subscribed, at first or again: something may have been missed before.
    case subscribed
    case message(channel: String, payload: [UInt8])
  }

  private let link: RedisLink

  /// Begins to connect.
  /// - Parameters:
  ///   - group: must live until after `shutdown`.
  ///   - onEnd: called once, after the last event.
  ///   - onEvent: called in order, on an event loop: it must not block.
  package init(
    url: RedisURL, channels: [String], configuration: RedisConfiguration = RedisConfiguration(),
    group: any EventLoopGroup, onEnd: @escaping @Sendable () -> Void = {},
    onEvent: @escaping @Sendable (Event) -> Void
  ) {
    let eventLoop = group.next()
    let feed = SubscriptionFeed(channels: channels, eventLoop: eventLoop, onEnd: onEnd, onEvent: onEvent)
    link = RedisLink(url: url, configuration: configuration, eventLoop: eventLoop, user: feed)
    link.start()
  }

  /// A subscription and the stream of its events, which has one reader and ends with `shutdown`.
  /// - Parameter keeping: how many events wait for the reader; the oldest go first.
  package static func makeStream(
    url: RedisURL, channels: [String], keeping: Int = 256, configuration: RedisConfiguration = RedisConfiguration(),
    group: any EventLoopGroup
  ) -> (subscription: RedisSubscription, events: AsyncStream<Event>) {
    let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(keeping))
    let subscription = RedisSubscription(
      url: url, channels: channels, configuration: configuration, group: group,
      onEnd: { continuation.finish() }, onEvent: { continuation.yield($0) })
    return (subscription, events)
  }

  package var status: RedisStatus { link.status.withLockedValue { $0 } }

  package func shutdown() async { try? await link.shutdown().get() }

  deinit { _ = link.shutdown() }
}

/// What a subscription does with its link.
///
/// `@unchecked Sendable`: the variables belong to the link's event loop.
private final class SubscriptionFeed: RedisLinkUser, @unchecked Sendable {
  private let channels: [String]
  private let eventLoop: any EventLoop
  private let onEnd: @Sendable () -> Void
  private let onEvent: @Sendable (RedisSubscription.Event) -> Void
  private var confirmed = 0
  private var hasHeardSincePing = false
  private var pings: RepeatedTask?

  init(
    channels: [String], eventLoop: any EventLoop, onEnd: @escaping @Sendable () -> Void,
    onEvent: @escaping @Sendable (RedisSubscription.Event) -> Void
  ) {
    self.channels = channels
    self.eventLoop = eventLoop
    self.onEnd = onEnd
    self.onEvent = onEvent
  }

  func linkIsReady(_ link: RedisLink, _ channel: any Channel) {
    confirmed = 0
    hasHeardSincePing = true
    let sizeMax = link.configuration.commandSizeMax
    do throws(RedisError) {
      let subscribe = ["SUBSCRIBE"] + channels.map { RedisArgument($0) }
      channel.writeAndFlush(try format(subscribe, sizeMax: sizeMax), promise: nil)
      let ping = try format(["PING"], sizeMax: sizeMax)
      let interval = TimeAmount(link.configuration.pingInterval)
      pings = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak link] _ in
        guard let link else { return }
        self.ping(link, channel, ping)
      }
    } catch {
      link.fail(error)
    }
  }

  private func ping(_ link: RedisLink, _ channel: any Channel, _ command: ByteBuffer) {
    guard hasHeardSincePing else { return link.fail(.timeout(link.configuration.pingInterval)) }
    hasHeardSincePing = false
    channel.writeAndFlush(command, promise: nil)
  }

  func linkReceived(_ value: RedisValue) throws(RedisError) {
    hasHeardSincePing = true
    if case .refusal(let refusal) = value { throw .refused(refusal) }
    guard case .array(let parts) = value, let kind = parts.first?.text else { throw Self.noMessage }
    switch (kind, parts.count) {
    case ("subscribe", 3):
      confirmed += 1
      if confirmed == channels.count { onEvent(.subscribed) }
    case ("message", 3):
      guard let channel = parts[1].text, case .bytes(let payload) = parts[2] else { throw Self.noMessage }
      onEvent(.message(channel: channel, payload: payload))
    case ("pong", 2): break
    default: throw Self.noMessage
    }
  }

  private static let noMessage = RedisError.protocolViolation("a reply that is no message")

  func linkWasLost(_ error: RedisError) {
    pings?.cancel()
    pings = nil
  }

  func linkFailedToConnect(_ error: RedisError) {}

  func linkEnded() { onEnd() }
}
