internal import NIOConcurrencyHelpers
package import NIOCore
package import Redis

/// Where both sides meet. Redis knows channels across all its databases, so a deployment that shares a Redis with
/// another is woken by that one's mail too, which costs a look into an empty queue.
package let wakeHintChannel = "postrider:queued"

/// Tells the workers, after the commit, that there is new mail. Only a hint: whoever misses it finds the mail by
/// polling. It never makes its caller wait, and never fails: without Redis there is no hint.
package final class WakeHintPublisher: Sendable {
  private struct State {
    var isScheduled = false
    /// A hint before this time would only repeat one.
    var nextAllowed = NIODeadline.uptimeNanoseconds(0)
  }

  private let redis: RedisClient
  private let eventLoop: any EventLoop
  private let interval: TimeAmount
  private let state = NIOLockedValueBox(State())

  /// - Parameter interval: at most one hint in this time, however many messages are queued.
  package init(redis: RedisClient, group: any EventLoopGroup, interval: Duration = .milliseconds(5)) {
    self.redis = redis
    self.interval = TimeAmount(interval)
    eventLoop = group.next()
  }

  /// Mail was queued and committed.
  package func messageQueued() {
    let due = state.withLockedValue { state -> NIODeadline? in
      // The one that is due comes after this commit, so it speaks for this message too.
      guard !state.isScheduled else { return nil }
      state.isScheduled = true
      return state.nextAllowed
    }
    guard let due else { return }
    if due <= .now() {
      publish()
    } else {
      eventLoop.scheduleTask(deadline: due) { self.publish() }
    }
  }

  private func publish() {
    state.withLockedValue { state in
      state.isScheduled = false
      state.nextAllowed = .now() + interval
    }
    redis.send(["PUBLISH", RedisArgument(wakeHintChannel), ""]) { _ in }
  }
}
