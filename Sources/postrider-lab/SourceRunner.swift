import Foundation
import NIOCore
import NIOPosix
import Observability
import TLS

/// One connection after the other, one message after the other, until the tally has no more.
struct SourceRunner: Sendable {
  let plan: SourcePlan
  let tally: SourceTally
  let group: MultiThreadedEventLoopGroup

  func run() async {
    while let first = tally.take() {
      do {
        let client = try await connect()
        try await converse(client, first: first)
      } catch {
        tally.fail("\(error)")
      }
    }
  }

  private func converse(_ client: SourceClient, first: Int) async throws {
    var next: Int? = first
    var sent = 0
    while let number = next {
      do {
        try await send(number, over: client)
      } catch {
        tally.fail("\(error)")
        client.close()
        return
      }
      sent += 1
      next = sent < plan.perConnection ? tally.take() : nil
    }
    _ = try? await client.ask("QUIT")
    client.close()
  }

  private func connect() async throws -> SourceClient {
    let handler = SourceReplies()
    let plan = plan
    let channel = try await ClientBootstrap(group: group).connectTimeout(plan.timeout)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if plan.tls == "implicit" { try channel.pipeline.syncOperations.addHandler(tlsHandler(plan)) }
          try channel.pipeline.syncOperations.addHandler(handler.makeHandler())
        }
      }
      .connect(host: plan.host, port: plan.port).get()
    let client = SourceClient(channel: channel, replies: handler, timeout: plan.timeout)
    do {
      try await begin(client)
    } catch {
      client.close()
      throw error
    }
    return client
  }

  private func begin(_ client: SourceClient) async throws {
    try await client.expect("220", nil)
    try await client.expect("250", "EHLO source.example")
    if plan.tls == "starttls" {
      try await client.expect("220", "STARTTLS")
      let plan = plan
      let channel = client.channel
      try await channel.eventLoop.submit {
        try channel.pipeline.syncOperations.addHandler(tlsHandler(plan), position: .first)
      }.get()
      try await client.expect("250", "EHLO source.example")
    }
    if let user = plan.user {
      let initial = Data("\0\(user)\0\(plan.password)".utf8).base64EncodedString()
      try await client.expect("235", "AUTH PLAIN \(initial)")
    }
  }

  private func send(_ number: Int, over client: SourceClient) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let recipients = plan.recipients.map { $0.replacingOccurrences(of: "{n}", with: "\(number)") }
    try await client.expect("250", "MAIL FROM:<\(plan.from)>")
    for recipient in recipients { try await client.expect("250", "RCPT TO:<\(recipient)>") }
    try await client.expect("354", "DATA")
    let reply = try await client.expect("250", message(number, to: recipients))
    if plan.showsReplies { printLine(escaped(reply)) }
    tally.accept(after: (clock.now - start) / .milliseconds(1))
  }

  /// Up to and with the final dot.
  private func message(_ number: Int, to recipients: [String]) -> ByteBuffer {
    let header =
      "From: <\(plan.from)>\r\nTo: \(recipients.joined(separator: ",\r\n "))\r\nSubject: \(plan.subject) \(number)\r\n\r\n"
    var message = ByteBufferAllocator().buffer(capacity: header.utf8.count + plan.body.readableBytes + 3)
    message.writeString(header)
    message.writeImmutableBuffer(plan.body)
    message.writeString(".\r\n")
    return message
  }
}

private func tlsHandler(_ plan: SourcePlan) -> TLSHandler {
  TLSHandler(client: plan.context, serverName: plan.host, verification: plan.verifies ? .required : .none)
}

/// The asking half of a connection.
struct SourceClient: Sendable {
  let channel: any Channel
  let replies: SourceReplies
  let timeout: TimeAmount

  func ask(_ line: String?) async throws -> String {
    try await ask(line.map { ByteBuffer(string: $0 + "\r\n") })
  }

  private func ask(_ bytes: ByteBuffer?) async throws -> String {
    let answer = try await channel.eventLoop.submit {
      let promise = channel.eventLoop.makePromise(of: String.self)
      replies.want(promise, on: channel.eventLoop)
      let timer = channel.eventLoop.scheduleTask(in: timeout) { promise.fail(SourceFault("no reply in time")) }
      promise.futureResult.whenComplete { _ in timer.cancel() }
      if let bytes { channel.writeAndFlush(bytes, promise: nil) }
      return promise.futureResult
    }.get()
    return try await answer.get()
  }

  @discardableResult
  func expect(_ code: String, _ line: String?) async throws -> String {
    try Self.check(try await ask(line), code)
  }

  func expect(_ code: String, _ bytes: ByteBuffer) async throws -> String {
    try Self.check(try await ask(bytes), code)
  }

  private static func check(_ answer: String, _ code: String) throws -> String {
    let reply = answer.trimmingCharacters(in: .whitespacesAndNewlines)
    guard reply.hasPrefix(code) else { throw SourceFault(reply) }
    return reply
  }

  func close() { channel.close(promise: nil) }
}

struct SourceFault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Hands each complete reply to whoever waits for it. Used on the channel's event loop only.
final class SourceReplies: @unchecked Sendable {
  private var waiting: EventLoopPromise<String>?
  private var ready: [Result<String, any Error>] = []

  func want(_ promise: EventLoopPromise<String>, on loop: any EventLoop) {
    loop.preconditionInEventLoop()
    guard !ready.isEmpty else {
      waiting = promise
      return
    }
    promise.completeWith(ready.removeFirst())
  }

  fileprivate func give(_ result: Result<String, any Error>) {
    guard let promise = waiting else { return ready.append(result) }
    waiting = nil
    promise.completeWith(result)
  }

  func makeHandler() -> some ChannelInboundHandler { Handler(replies: self) }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let replies: SourceReplies
    var text = ""

    init(replies: SourceReplies) { self.replies = replies }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      while let reply = takeReply() { replies.give(.success(reply)) }
    }

    /// Lines up to the first without a hyphen after the code.
    private func takeReply() -> String? {
      var end = text.utf8.startIndex
      while let newline = text.utf8[end...].firstIndex(of: 0x0A) {
        let line = text[end...newline]
        end = text.utf8.index(after: newline)
        guard line.dropFirst(3).first != "-" else { continue }
        defer { text = String(text[end...]) }
        return String(text[..<end])
      }
      return nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      replies.give(.failure(error))
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      replies.give(.failure(SourceFault("the connection was closed")))
      context.fireChannelInactive()
    }
  }
}
