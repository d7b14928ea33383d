import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A server that takes everything and counts.
final class Sink: Sendable {
  struct Counters {
    var connections = 0
    var open = 0
    var peak = 0
    /// Times that something was read.
    var flights = 0
    var messages = 0
    /// Bytes of all messages, as they were on the wire, without the final dot.
    var bytes = 0
    var dataSeen = 0
    var waiters: [(until: @Sendable (Counters) -> Bool, resume: @Sendable () -> Void)] = []
  }

  private let counters = NIOLockedValueBox(Counters())
  private let channel: any Channel
  let port: Int

  var connections: Int { counters.withLockedValue { $0.connections } }
  var peak: Int { counters.withLockedValue { $0.peak } }
  var flights: Int { counters.withLockedValue { $0.flights } }
  var messages: Int { counters.withLockedValue { $0.messages } }
  var bytes: Int { counters.withLockedValue { $0.bytes } }

  init(answersData: Bool = true) async throws {
    let counters = counters
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            SinkHandler(answersData: answersData) { Sink.change(counters, $0) })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func stop() async throws { try await channel.close() }

  /// Returns when no connection is open.
  func allClosed() async { await wait { $0.open == 0 } }
  func dataSeen() async { await wait { $0.dataSeen > 0 } }

  private func wait(until condition: @escaping @Sendable (Counters) -> Bool) async {
    await withCheckedContinuation { continuation in
      Self.change(counters) { $0.waiters.append((condition, { continuation.resume() })) }
    }
  }

  private static func change(_ counters: NIOLockedValueBox<Counters>, _ body: (inout Counters) -> Void) {
    let ready = counters.withLockedValue { counters in
      body(&counters)
      let now = counters
      counters.waiters.removeAll { $0.until(now) }
      return now.waiters.filter { $0.until(now) }
    }
    for waiter in ready { waiter.resume() }
  }
}

private final class SinkHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answersData: Bool
  private let change: ((inout Sink.Counters) -> Void) -> Void
  private var line: [UInt8] = []
  private var inData = false
  private var messageSize = 0

  init(answersData: Bool, change: @escaping ((inout Sink.Counters) -> Void) -> Void) {
    self.answersData = answersData
    self.change = change
  }

  func channelActive(context: ChannelHandlerContext) {
    change {
      $0.connections += 1
      $0.open += 1
      $0.peak = max($0.peak, $0.open)
    }
    write(context, "220 sink\r\n")
  }

  func channelInactive(context: ChannelHandlerContext) { change { $0.open -= 1 } }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    change { $0.flights += 1 }
    var replies = ""
    unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let base = rest.baseAddress, let found = memchr(base, 10, rest.count) {
        let count = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
        line += rest.prefix(count)
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        replies += inData ? content() : command()
        line.removeAll(keepingCapacity: true)
      }
      line += rest
    }
    if !replies.isEmpty { write(context, replies) }
    if replies.hasPrefix("221") { context.close(promise: nil) }
  }

  private func content() -> String {
    guard line == [46, 13, 10] else {
      messageSize += line.count
      return ""
    }
    inData = false
    change {
      $0.messages += 1
      $0.bytes += messageSize
    }
    messageSize = 0
    return "250 ok\r\n"
  }

  private func command() -> String {
    switch String(decoding: line.prefix(4), as: UTF8.self) {
    case "EHLO": return "250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n"
    case "QUIT": return "221 bye\r\n"
    case "DATA":
      change { $0.dataSeen += 1 }
      inData = answersData
      return answersData ? "354 go\r\n" : ""
    default: return "250 ok\r\n"
    }
  }

  private func write(_ context: ChannelHandlerContext, _ text: String) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
  }
}
