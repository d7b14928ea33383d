internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// What a link carries. All of it is called on the link's event loop.
protocol RedisLinkUser: AnyObject, Sendable {
  func linkIsReady(_ link: RedisLink, _ channel: any Channel)
  /// - Throws: what ends this connection.
  func linkReceived(_ value: RedisValue) throws(RedisError)
  /// Only after `linkIsReady`.
  func linkWasLost(_ error: RedisError)
  func linkFailedToConnect(_ error: RedisError)
  func linkEnded()
}

/// One connection to Redis that comes back by itself, with pauses that grow and differ between processes.
///
/// `@unchecked Sendable`: the variables belong to `eventLoop`, on which every method but `init`, `start`, `shutdown`,
/// `isReady` and `outcome` is called.
final class RedisLink: @unchecked Sendable {
  private enum Phase {
    case connecting
    case greeting(any Channel, Greeting)
    case ready(any Channel)
    case pausing(Scheduled<Void>)
    case ended
  }

  let eventLoop: any EventLoop
  let configuration: RedisConfiguration
  /// Written on the event loop, read anywhere.
  let status = NIOLockedValueBox(RedisStatus())
  private let url: RedisURL
  private let locator: MasterLocator
  private let user: any RedisLinkUser
  /// Hears what the Sentinels tell, when there are any.
  private var watch: RedisSubscription?
  private var endpoint: RedisURL.Endpoint?
  private var phase = Phase.connecting
  /// Tells the present attempt from an earlier one that answers late.
  private var attempt = 0
  private var connectLimit: Scheduled<Void>?
  private var readySince: NIODeadline?
  private var pause: Duration
  private var waitingForSuccess: [EventLoopPromise<Bool>] = []
  private var waitingForOutcome: [EventLoopPromise<RedisError?>] = []

  init(url: RedisURL, configuration: RedisConfiguration, eventLoop: any EventLoop, user: any RedisLinkUser) {
    self.url = url
    self.configuration = configuration
    self.eventLoop = eventLoop
    self.user = user
    locator = MasterLocator(url, configuration: configuration, eventLoop: eventLoop)
    pause = configuration.pauseFirst
  }

  func start() {
    eventLoop.execute {
      self.watch = self.watchSentinels()
      self.dial()
    }
  }

  func shutdown() -> EventLoopFuture<Void> {
    eventLoop.submit {
      if case .ended = self.phase { return }
      self.leave(.ended, because: .closed)
      self.watch = nil
      self.user.linkEnded()
      self.tellSuccess(false)
    }
  }

  /// Answers as soon as there is a connection, and no later than `limit`.
  func isReady(within limit: Duration) -> EventLoopFuture<Bool> {
    eventLoop.flatSubmit {
      switch self.phase {
      case .ready: return self.eventLoop.makeSucceededFuture(true)
      case .ended: return self.eventLoop.makeSucceededFuture(false)
      default: break
      }
      let promise = self.eventLoop.makePromise(of: Bool.self)
      self.waitingForSuccess.append(promise)
      let timer = self.eventLoop.scheduleTask(in: TimeAmount(limit)) { promise.succeed(false) }
      promise.futureResult.whenComplete { _ in timer.cancel() }
      return promise.futureResult
    }
  }

  /// How the attempt in hand ends, or the next one; nil: well.
  func outcome() -> EventLoopFuture<RedisError?> {
    eventLoop.flatSubmit {
      switch self.phase {
      case .ready: return self.eventLoop.makeSucceededFuture(nil)
      case .ended: return self.eventLoop.makeSucceededFuture(.closed)
      default: break
      }
      let promise = self.eventLoop.makePromise(of: RedisError?.self)
      self.waitingForOutcome.append(promise)
      return promise.futureResult
    }
  }

  /// A reply, or a part of the greeting's, came in.
  func received(_ value: RedisValue, from channel: any Channel) {
    do throws(RedisError) {
      switch phase {
      case .greeting(let current, var greeting) where current === channel:
        let isDone = try greeting.accept(value)
        phase = .greeting(channel, greeting)
        if isDone { becomeReady(channel) }
      case .ready(let current) where current === channel: try user.linkReceived(value)
      default: break
      }
    } catch {
      fail(error)
    }
  }

  /// The channel ended; what an earlier one has to say is ignored.
  func closed(_ channel: any Channel, because error: RedisError) {
    switch phase {
    case .greeting(let current, _) where current === channel: fail(error)
    case .ready(let current) where current === channel: fail(error)
    default: break
    }
  }

  /// Gives the connection up and makes a new one after a pause.
  func fail(_ error: RedisError) {
    switch phase {
    case .ended, .pausing: return
    case .connecting, .greeting: locator.failed()
    case .ready: break
    }
    // A server that accepts and then leaves at once must not be asked again and again without a pause.
    if let readySince, NIODeadline.now() - readySince > TimeAmount(configuration.pauseMax) {
      pause = configuration.pauseFirst
    }
    let length = pause * Double.random(in: 0.5...1)
    pause = min(pause * 2, configuration.pauseMax)
    leave(.pausing(eventLoop.scheduleTask(in: TimeAmount(length)) { self.dial() }), because: error)
  }

  private func leave(_ next: Phase, because error: RedisError) {
    let previous = phase
    phase = next
    attempt += 1
    readySince = nil
    connectLimit?.cancel()
    connectLimit = nil
    status.withLockedValue {
      $0.isConnected = false
      $0.lastError = error
    }
    switch previous {
    case .connecting: user.linkFailedToConnect(error)
    case .greeting(let channel, _):
      channel.close(promise: nil)
      user.linkFailedToConnect(error)
    case .ready(let channel):
      channel.close(promise: nil)
      user.linkWasLost(error)
    case .pausing(let timer): timer.cancel()
    case .ended: break
    }
    tellOutcome(error)
  }

  private func tellSuccess(_ answer: Bool) {
    let promises = waitingForSuccess
    waitingForSuccess = []
    for promise in promises { promise.succeed(answer) }
  }

  private func tellOutcome(_ error: RedisError?) {
    let promises = waitingForOutcome
    waitingForOutcome = []
    for promise in promises { promise.succeed(error) }
  }
}

// Connecting.
extension RedisLink {
  private func dial() {
    if case .ended = phase { return }
    phase = .connecting
    attempt += 1
    let attempt = attempt
    let limit = locator.limit
    connectLimit = eventLoop.scheduleTask(in: TimeAmount(limit)) {
      if self.attempt == attempt { self.fail(.notConnected("no connection within \(limit)")) }
    }
    connect(attempt).whenComplete { result in
      switch result {
      case .success(let channel) where self.attempt == attempt: self.greet(channel)
      case .success(let channel): channel.close(promise: nil)
      case .failure(let error) where self.attempt == attempt: self.fail(.notConnected(describe(error)))
      case .failure: break
      }
    }
  }

  private func connect(_ attempt: Int) -> EventLoopFuture<any Channel> {
    locator.locate().flatMap { endpoint in
      if self.attempt == attempt { self.endpoint = endpoint }
      return ClientBootstrap(group: self.eventLoop)
        .connectTimeout(TimeAmount(self.configuration.connectTimeout))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ReplyHandler(link: self))
          }
        }
        .connect(to: endpoint)
    }
  }

  private func greet(_ channel: any Channel) {
    let greeting = Greeting(url)
    phase = .greeting(channel, greeting)
    do throws(RedisError) {
      for command in greeting.commands {
        channel.write(try format(command, sizeMax: configuration.commandSizeMax), promise: nil)
      }
      channel.flush()
    } catch {
      fail(error)
    }
  }

  private func becomeReady(_ channel: any Channel) {
    phase = .ready(channel)
    if let endpoint { locator.succeeded(at: endpoint) }
    connectLimit?.cancel()
    connectLimit = nil
    readySince = .now()
    status.withLockedValue {
      $0.isConnected = true
      $0.connectedCount += 1
    }
    user.linkIsReady(self, channel)
    tellSuccess(true)
    tellOutcome(nil)
  }
}

// Following the master.
extension RedisLink {
  /// Whether the server is one of several that take turns.
  var hasSentinels: Bool { url.sentinels != nil }

  private func watchSentinels() -> RedisSubscription? {
    guard let sentinels = url.sentinels, case .sentinel(_, let master) = url.endpoint else { return nil }
    // Told on our own event loop.
    return RedisSubscription(
      url: sentinels, channels: ["+switch-master"], configuration: configuration, group: eventLoop
    ) { [weak self] event in
      // «name old-address old-port new-address new-port»
      guard case .message(_, let payload) = event else { return }
      let words = String(decoding: payload, as: UTF8.self).split(separator: " ").map(String.init)
      guard words.count == 5, words[0] == master, let port = UInt16(words[4]) else { return }
      self?.masterMoved(to: .tcp(host: words[3], port: Int(port)))
    }
  }

  /// Goes there at once, whatever the link does now.
  private func masterMoved(to master: RedisURL.Endpoint) {
    switch phase {
    case .ended: return
    case .ready where endpoint == master: return
    case .pausing(let timer):
      timer.cancel()
      locator.announce(master)
      dial()
    case .connecting, .greeting, .ready:
      locator.announce(master)
      pause = configuration.pauseFirst
      fail(.notConnected("the master has moved"))
    }
  }
}
