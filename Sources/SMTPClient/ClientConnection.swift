internal import DNS
internal import MailModel
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Routing
internal import SMTPWire
internal import TLS

/// A connection that is set up and takes transactions, one at a time.
final class ClientConnection: Sendable {
  let remote: RemoteHost
  let address: IPAddress
  let capabilities: ClientCapabilities
  let opened = ContinuousClock.now
  let channel: any Channel
  private let handler: NIOLoopBound<ClientHandler>
  private let usage = NIOLockedValueBox(Usage())

  private struct Usage {
    var transactions = 0
    var isSpent = false
  }

  /// Transactions so far.
  var transactions: Int { usage.withLockedValue { $0.transactions } }

  /// Whether another transaction can begin, as far as is known here.
  var isUsable: Bool { channel.isActive && !usage.withLockedValue { $0.isSpent } }

  init(
    remote: RemoteHost, address: IPAddress, capabilities: ClientCapabilities, channel: any Channel,
    handler: NIOLoopBound<ClientHandler>
  ) {
    self.remote = remote
    self.address = address
    self.capabilities = capabilities
    self.channel = channel
    self.handler = handler
  }

  /// Runs one transaction to its end. Cancelling ends the connection, unless the final dot is out.
  func run(
    _ transaction: ClientTransaction, of outgoing: OutgoingTransaction
  ) async -> ClientTransactionResult {
    usage.withLockedValue { $0.transactions += 1 }
    let (result, isUsable) = await withTaskCancellationHandler {
      let immediate = outgoing.content.immediate
      let event = await ask { handler, notify in
        handler.begin(transaction, content: immediate, mayStart: outgoing.mayStart, notify: notify)
      }
      switch event {
      case .finished(let result, let isUsable): return (result, isUsable)
      case .contentWanted: return await stream(outgoing.content)
      }
    } onCancel: {
      channel.eventLoop.execute { self.handler.value.cancel() }
    }
    if !isUsable { usage.withLockedValue { $0.isSpent = true } }
    return result
  }

  /// Says QUIT and closes.
  func quit() {
    channel.eventLoop.execute {
      let handler = self.handler.value
      // It may have said so already, and waits for the reply.
      if handler.dialogue.wait == .quit { return }
      guard handler.dialogue.isReady else { return handler.close() }
      handler.perform(.send(handler.dialogue.quit()))
    }
  }

  /// Says QUIT and returns when the connection is closed: after `timeouts.quit` at the latest.
  func end() async {
    quit()
    try? await channel.closeFuture.get()
  }

  /// Reads the content and writes it, one block being read while one is being written.
  private func stream(_ content: any ContentSource) async -> (ClientTransactionResult, isUsable: Bool) {
    var stuffing = ClientDotStuffing()
    var failure = AttemptResult.failed(.system("the message could not be read"), .data)
    do {
      let reader = try await content.makeReader()
      var writing: EventLoopFuture<Void>?
      while var block = try await reader.next() {
        stuff(&block, &stuffing)
        try await writing?.get()
        writing = write(block)
      }
      try await writing?.get()
      let end = stuffing.end
      return await result { $0.endContent(end, notify: $1) }
    } catch is BlockNotTaken {
      // The handler knows why.
    } catch let error where error is ChannelError || error is IOError {
      failure = .failed(.connection(describe(error)), .data)
    } catch is CancellationError {
      failure = .notTried("shutting down")
    } catch {}
    let reason = failure
    return await result { $0.breakOff(reason, notify: $1) }
  }

  private struct BlockNotTaken: Error {}

  private func write(_ block: ByteBuffer) -> EventLoopFuture<Void> {
    channel.eventLoop.flatSubmit {
      self.handler.value.write(block) ?? self.channel.eventLoop.makeFailedFuture(BlockNotTaken())
    }
  }

  private func result(
    _ body: @escaping @Sendable (ClientHandler, @escaping @Sendable (ClientHandler.RunEvent) -> Void) -> Void
  ) async -> (ClientTransactionResult, isUsable: Bool) {
    switch await ask(body) {
    case .finished(let result, let isUsable): (result, isUsable)
    case .contentWanted: (ClientTransactionResult(outcomes: [], isStale: false), false)
    }
  }

  private func ask(
    _ body: @escaping @Sendable (ClientHandler, @escaping @Sendable (ClientHandler.RunEvent) -> Void) -> Void
  ) async -> ClientHandler.RunEvent {
    await withCheckedContinuation { continuation in
      channel.eventLoop.execute { body(self.handler.value) { continuation.resume(returning: $0) } }
    }
  }
}
