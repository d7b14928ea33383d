import Foundation
import MailModel
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTPWire
import TLS

/// Plays the server's part of a dialogue on a real socket: the n-th connection gets the n-th script.
final class ScriptedServer: Sendable {
  let port: Int
  private let channel: any Channel
  private let accepted = NIOLockedValueBox(0)
  private let first: EventLoopPromise<Void>
  private let complaints = NIOLockedValueBox<[String]>([])
  private let running: NIOLockedValueBox<[EventLoopFuture<Void>]>

  /// What went differently from the script.
  var faults: [String] { complaints.withLockedValue { $0 } }
  var connections: Int { accepted.withLockedValue { $0 } }

  init(_ scripts: [[String]], message: [UInt8], tls: TLSContext, group: any EventLoopGroup) async throws {
    let first = group.any().makePromise(of: Void.self)
    self.first = first
    let (accepted, complaints) = (accepted, complaints)
    let running = NIOLockedValueBox<[EventLoopFuture<Void>]>([])
    self.running = running
    channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let index = accepted.withLockedValue { count in
            defer { count += 1 }
            return count
          }
          first.succeed()
          let script = index < scripts.count ? scripts[index] : ["! unexpected connection \(index + 1)"]
          // A client that has gone already leaves a channel that never becomes active; it ends all the same.
          running.withLockedValue { $0.append(channel.closeFuture) }
          let handler = ScriptHandler(script, message: message, tls: tls) { complaint in
            complaints.withLockedValue { $0.append("connection \(index + 1): \(complaint)") }
          }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  /// Returns when there has been a connection.
  func connected() async { try? await first.futureResult.get() }

  /// Closes the listener and waits until every connection has come to its end.
  func stop() async throws {
    first.succeed()
    try await channel.close()
    for future in running.withLockedValue({ $0 }) { try await future.get() }
  }
}

/// Performs a script step by step.
private final class ScriptHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var steps: ArraySlice<String>
  private let message: [UInt8]
  private let tls: TLSContext
  private let complain: (String) -> Void
  private var input: [UInt8] = []
  private var isOver = false

  init(_ script: [String], message: [UInt8], tls: TLSContext, complain: @escaping (String) -> Void) {
    steps = script[...]
    self.message = message
    self.tls = tls
    self.complain = complain
  }

  func channelActive(context: ChannelHandlerContext) { proceed(context) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    input.append(contentsOf: unwrapInboundIn(data).readableBytesView)
    proceed(context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {}

  func channelInactive(context: ChannelHandlerContext) {
    if let step = steps.first, step != "HANG", !isOver { complain("closed by the client before: \(step)") }
  }

  private func proceed(_ context: ChannelHandlerContext) {
    while !isOver, let step = steps.first, perform(step, context) { steps = steps.dropFirst() }
    // After the script a client may say goodbye, and nothing else.
    if steps.isEmpty, !isOver, let line = takeLine() {
      if line != "QUIT" { complain("after the end: \(line)") }
      isOver = true
      write(context, Array("221 bye\r\n".utf8))
      context.close(promise: nil)
    }
  }

  /// - Returns: whether the step is done; otherwise more input is needed.
  private func perform(_ step: String, _ context: ChannelHandlerContext) -> Bool {
    let text = step.split(separator: " ", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
    switch step.prefix(while: { $0 != " " }) {
    case "S": write(context, unescape(text) + [13, 10])
    case "R": write(context, unescape(text))
    case "C":
      guard let line = takeLine() else { return false }
      if line != text { fail(context, "expected \(text), got \(line)") }
    case "BODY":
      guard input.count >= expectedBody.count else { return false }
      if Array(input.prefix(expectedBody.count)) != expectedBody { fail(context, "another message") }
      input.removeFirst(min(input.count, expectedBody.count))
    case "ANY":
      guard !input.isEmpty else { return false }
      input.removeAll()
    case "STARTTLS", "TLS":
      // In one turn of the event loop, so that the client's first record cannot come before the handler.
      if !text.isEmpty { write(context, unescape(text) + [13, 10]) }
      let handler = TLSHandler(server: tls)
      do { try context.pipeline.syncOperations.addHandler(handler, position: .first) } catch { complain("\(error)") }
    case "CLOSE", "RESET":
      isOver = true
      if step == "RESET", let socket = context.channel as? any SocketOptionProvider {
        _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
      }
      context.close(promise: nil)
    case "HANG": return false
    default: fail(context, step)
    }
    return true
  }

  /// The message as it has to look on the wire.
  private var expectedBody: [UInt8] {
    var stuffed: [UInt8] = []
    var atStart = true
    for byte in message {
      if atStart, byte == UInt8(ascii: ".") { stuffed.append(byte) }
      stuffed.append(byte)
      atStart = byte == 10
    }
    if stuffed.suffix(2) != [13, 10] { stuffed += [13, 10] }
    return stuffed + Array(".\r\n".utf8)
  }

  private func takeLine() -> String? {
    guard let end = input.firstIndex(of: 10) else { return nil }
    defer { input.removeSubrange(...end) }
    return String(decoding: input[..<end].filter { $0 != 13 }, as: UTF8.self)
  }

  private func write(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
  }

  private func fail(_ context: ChannelHandlerContext, _ what: String) {
    complain(what)
    isOver = true
    context.close(promise: nil)
  }
}
