package import DNS
package import MailModel
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix
internal import SMTPWire
package import TLS

/// One connection to a mail server, a step at a time: for people who want to see where it fails.
///
/// It decides nothing: it does not try again, never goes on in clear because TLS failed, and says nothing that it was not
/// told to say. Each step ends within the limit that it is given; after a step that failed the connection is closed.
package final class SteppedConnection: Sendable {
  /// Our own end, as this machine knows it.
  package let ourAddress: String
  private let channel: any Channel
  private let handler: NIOLoopBound<StepHandler>

  private init(_ channel: any Channel, _ handler: NIOLoopBound<StepHandler>) {
    self.channel = channel
    self.handler = handler
    ourAddress = channel.localAddress?.ipAddress ?? ""
  }

  /// Connects, and says nothing yet.
  package static func open(
    to address: IPAddress, port: Int, within limit: Duration, on group: any EventLoopGroup
  ) async throws(StepTrouble) -> SteppedConnection {
    let eventLoop = group.any()
    let made = NIOLockedValueBox<NIOLoopBound<StepHandler>?>(nil)
    do {
      let channel = try await ClientBootstrap(group: eventLoop)
        .connectTimeout(TimeAmount(limit))
        // What comes before it is asked for may belong to TLS, which is not there yet.
        .channelOption(.autoRead, value: false)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let handler = StepHandler(eventLoop: channel.eventLoop)
            try channel.pipeline.syncOperations.addHandler(handler)
            made.withLockedValue { $0 = NIOLoopBound(handler, eventLoop: channel.eventLoop) }
          }
        }
        .connect(to: try SocketAddress(ipAddress: address.description, port: port)).get()
      guard let handler = made.withLockedValue({ $0 }) else { throw StepTrouble.closed }
      return SteppedConnection(channel, handler)
    } catch {
      throw StepTrouble(connecting: error)
    }
  }

  /// What the server says next; the greeting, above all.
  package func reply(within limit: Duration) async throws(StepTrouble) -> Reply {
    try await step { $0.nextReply(within: TimeAmount(limit)) }
  }

  /// Sends one line and returns the reply to it.
  /// - Parameter line: without CRLF. A control character in it is sent to nobody.
  package func command(_ line: String, within limit: Duration) async throws(StepTrouble) -> Reply {
    guard ClientCommands.isSafe(line) else { throw .notSMTP("a command cannot have control characters") }
    return try await send(ClientCommands.command(line), within: limit)
  }

  /// Sends a message and its final dot, after 354.
  /// - Parameter message: with CRLF, without dot-stuffing.
  package func message(_ message: String, within limit: Duration) async throws(StepTrouble) -> Reply {
    var stuffing = ClientDotStuffing()
    var content = ByteBuffer(string: message)
    stuff(&content, &stuffing)
    return try await send(Array(content.readableBytesView) + stuffing.end, within: limit)
  }

  /// Begins TLS, at the start of the connection or after STARTTLS. Any certificate will do here; `TLSPeer` says what is
  /// wrong with it.
  /// - Parameter name: whom we expect, a host name or an address.
  package func startTLS(
    _ context: TLSContext, name: String, within limit: Duration
  ) async throws(StepTrouble) -> (facts: TLSFacts, peer: TLSPeer) {
    try await step { $0.startTLS(context, name: name, within: TimeAmount(limit)) }
  }

  /// Closes at once.
  package func close() {
    channel.close(promise: nil)
  }

  private func send(_ bytes: [UInt8], within limit: Duration) async throws(StepTrouble) -> Reply {
    try await step { handler in
      handler.send(bytes)
      return handler.nextReply(within: TimeAmount(limit))
    }
  }

  private func step<Value: Sendable>(
    _ body: @escaping @Sendable (StepHandler) -> EventLoopFuture<Value>
  ) async throws(StepTrouble) -> Value {
    let handler = handler
    do {
      return try await channel.eventLoop.flatSubmit { body(handler.value) }.get()
    } catch {
      throw error as? StepTrouble ?? .unreachable("\(error)")
    }
  }
}
