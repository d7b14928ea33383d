package import MailQueue
package import NIOCore
package import NIOPosix

/// Where a scanner listens.
package enum ScannerAddress: Sendable, Hashable {
  case network(host: String, port: Int)
  /// A UNIX socket.
  case file(String)
}

/// Asks clamd about a message, over a connection for each: it closes them itself after its answer.
///
/// Cancellation ends a conversation at once.
package struct ClamdClient: Sendable {
  let address: ScannerAddress
  let group: any EventLoopGroup
  let connectTimeout: TimeAmount

  package init(_ address: ScannerAddress, group: any EventLoopGroup, connectTimeout: TimeAmount = .seconds(5)) {
    self.address = address
    self.group = group
    self.connectTimeout = connectTimeout
  }

  /// - Parameter threads: where a spill file is read.
  package func scan(_ content: MessageContent, reading threads: NIOThreadPool) async throws(ScannerFailure)
    -> MalwareVerdict
  {
    let answer = try await converse { outbound in
      try await outbound.write(ByteBuffer(string: "zINSTREAM\0"))
      for try await piece in ContentPieces(content: content, threads: threads) {
        try await outbound.write(contentsOf: [ByteBuffer(integer: UInt32(piece.readableBytes)), piece])
      }
      try await outbound.write(ByteBuffer(integer: UInt32(0)))
    }
    return try ClamdReply.parse(answer)
  }

  /// Whether it answers at all, and with which signatures.
  package func version() async throws(ScannerFailure) -> ClamdVersion {
    try ClamdReply.version(try await converse { try await $0.write(ByteBuffer(string: "zVERSION\0")) })
  }

  private typealias Outbound = NIOAsyncChannelOutboundWriter<ByteBuffer>

  /// - Returns: all that clamd said, up to its NUL.
  private func converse(_ send: @escaping @Sendable (Outbound) async throws -> Void) async throws(ScannerFailure)
    -> [UInt8]
  {
    do {
      return try await connect().executeThenClose { inbound, outbound in
        try await withThrowingTaskGroup(of: [UInt8]?.self) { tasks in
          defer { tasks.cancelAll() }
          tasks.addTask {
            try await send(outbound)
            return nil
          }
          tasks.addTask { try await Self.readAnswer(inbound) }
          // It may have said all before it has heard all, and then it closes: its answer goes before our broken pipe.
          var trouble: (any Error)?
          while let result = await tasks.nextResult() {
            switch result {
            case .success(let answer?): return answer
            case .success(nil): break
            // We cannot send it: no answer is to come.
            case .failure(let error as ScannerFailure): throw error
            case .failure(let error): trouble = trouble ?? error
            }
          }
          throw trouble ?? ScannerFailure.unreachable("it said nothing")
        }
      }
    } catch let failure as ScannerFailure {
      throw failure
    } catch is CancellationError {
      throw .timedOut
    } catch {
      throw .unreachable("\(error)")
    }
  }

  private func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    let bootstrap = ClientBootstrap(group: group).connectTimeout(connectTimeout)
    switch address {
    case .network(let host, let port):
      return try await bootstrap.connect(host: host, port: port, channelInitializer: wrap)
    case .file(let path): return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: wrap)
    }
  }

  @Sendable private func wrap(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
    channel.eventLoop.makeCompletedFuture {
      try NIOAsyncChannel(
        wrappingChannelSynchronously: channel,
        configuration: .init(inboundType: ByteBuffer.self, outboundType: ByteBuffer.self))
    }
  }

  private static func readAnswer(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async throws -> [UInt8] {
    var answer: [UInt8] = []
    for try await piece in inbound {
      answer += piece.readableBytesView
      if answer.contains(0) { return answer }
      guard answer.count <= ClamdReply.sizeMax else { throw ScannerFailure.garbage("a very long answer") }
    }
    try Task.checkCancellation()
    return answer
  }
}
