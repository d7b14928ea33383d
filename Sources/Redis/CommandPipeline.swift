internal import NIOConcurrencyHelpers
internal import NIOCore

/// A formatted command and who waits for its reply.
struct WaitingCommand: Sendable {
  let bytes: ByteBuffer
  let deadline: NIODeadline
  let completion: @Sendable (Result<RedisValue, RedisError>) -> Void
}

/// All callers' commands over one link, in the order in which they came; replies come in that order.
///
/// While there is no connection a command fails at once: its caller has something better to do than to wait.
///
/// `@unchecked Sendable`: `shared` has its lock, the other variables belong to the link's event loop.
final class CommandPipeline: RedisLinkUser, @unchecked Sendable {
  private struct Shared {
    /// Why nothing can be sent; nil while connected.
    var obstacle: RedisError? = .notConnected("not yet")
    /// Not on the event loop yet.
    var arrived: [WaitingCommand] = []
    var waitingCount = 0
    var waitingBytes = 0
  }

  private let configuration: RedisConfiguration
  private let eventLoop: any EventLoop
  private let shared = NIOLockedValueBox(Shared())
  private var connection: (link: RedisLink, channel: any Channel)?
  private var written = CircularBuffer<WaitingCommand>()
  private var timer: Scheduled<Void>?

  init(configuration: RedisConfiguration, eventLoop: any EventLoop) {
    self.configuration = configuration
    self.eventLoop = eventLoop
  }

  /// Sends one command; never blocks.
  /// - Parameter completion: called exactly once, here or on the event loop.
  func submit(_ bytes: ByteBuffer, completion: @escaping @Sendable (Result<RedisValue, RedisError>) -> Void) {
    let command = WaitingCommand(
      bytes: bytes, deadline: .now() + TimeAmount(configuration.commandTimeout), completion: completion)
    let (obstacle, isFirst) = shared.withLockedValue { shared -> (RedisError?, Bool) in
      if let obstacle = shared.obstacle { return (obstacle, false) }
      let hasRoom =
        shared.waitingCount < configuration.waitingCountMax
        && shared.waitingBytes + bytes.readableBytes <= configuration.waitingBytesMax
      guard hasRoom else { return (.overloaded, false) }
      shared.waitingCount += 1
      shared.waitingBytes += bytes.readableBytes
      shared.arrived.append(command)
      return (nil, shared.arrived.count == 1)
    }
    if let obstacle { return completion(.failure(obstacle)) }
    // Whoever comes before the event loop does goes along.
    if isFirst { eventLoop.execute { self.write() } }
  }

  private func write() {
    let commands = shared.withLockedValue { shared in
      defer { shared.arrived = [] }
      return shared.arrived
    }
    guard let connection else {
      return finish(commands, with: .connectionLost("before the command was sent"))
    }
    for command in commands {
      connection.channel.write(command.bytes, promise: nil)
      written.append(command)
    }
    connection.channel.flush()
    setTimer()
  }

  /// One timer for all: the oldest command's limit comes first.
  private func setTimer() {
    guard timer == nil, let oldest = written.first else { return }
    timer = eventLoop.scheduleTask(deadline: oldest.deadline) {
      self.timer = nil
      if let oldest = self.written.first, oldest.deadline <= .now() {
        // Whoever waits behind it would only wait as long for nothing.
        self.connection?.link.fail(.timeout(self.configuration.commandTimeout))
      } else {
        self.setTimer()
      }
    }
  }

  private func finish(_ commands: some Collection<WaitingCommand>, with error: RedisError) {
    release(commands)
    for command in commands { command.completion(.failure(error)) }
  }

  private func release(_ commands: some Collection<WaitingCommand>) {
    let bytes = commands.reduce(0) { $0 + $1.bytes.readableBytes }
    shared.withLockedValue {
      $0.waitingCount -= commands.count
      $0.waitingBytes -= bytes
    }
  }
}

// What the link says.
extension CommandPipeline {
  func linkIsReady(_ link: RedisLink, _ channel: any Channel) {
    connection = (link, channel)
    shared.withLockedValue { $0.obstacle = nil }
  }

  func linkReceived(_ value: RedisValue) throws(RedisError) {
    guard let command = written.popFirst() else { throw .protocolViolation("a reply that nobody asked for") }
    release(CollectionOfOne(command))
    if case .refusal(let refusal) = value {
      command.completion(.failure(.refused(refusal)))
      // It was demoted under our connection; the Sentinels know who is the master now.
      if refusal.code == "READONLY", connection?.link.hasSentinels == true {
        throw .notConnected("the server is no master any more")
      }
    } else {
      command.completion(.success(value))
    }
  }

  func linkWasLost(_ error: RedisError) {
    connection = nil
    timer?.cancel()
    timer = nil
    block(because: error)
    let lost = written
    written = CircularBuffer()
    finish(lost, with: error)
  }

  func linkFailedToConnect(_ error: RedisError) { block(because: error) }

  func linkEnded() { shared.withLockedValue { $0.obstacle = .closed } }

  private func block(because error: RedisError) {
    let obstacle: RedisError =
      switch error {
      case .notConnected, .authentication, .closed: error
      default: .notConnected(error.description)
      }
    shared.withLockedValue { $0.obstacle = obstacle }
  }
}
