import Dispatch
import Foundation
import NIOCore
import NIOPosix
import TLS

/// The listening sockets of a sink.
struct SinkServer: Sendable {
  let group: MultiThreadedEventLoopGroup
  let facts: SinkFacts
  /// A number for each session.
  let number: @Sendable () -> Int

  func listen(plain: [String], implicit: [String]) async throws -> [any Channel] {
    var channels: [any Channel] = []
    for (addresses, isImplicit) in [(plain, false), (implicit, true)] {
      for address in addresses { channels.append(try await listen(address, isImplicit: isImplicit)) }
    }
    return channels
  }

  private func listen(_ text: String, isImplicit: Bool) async throws -> any Channel {
    let address = try Self.socketAddress(text)
    let (facts, number) = (facts, number)
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4_096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if isImplicit, let tls = facts.tls {
            try channel.pipeline.syncOperations.addHandler(TLSHandler(server: tls))
          }
          try channel.pipeline.syncOperations.addHandler(SinkSession(facts: facts, number: number()))
        }
      }
      .bind(to: address).get()
  }

  static func socketAddress(_ text: String) throws -> SocketAddress {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
      throw ListenFault(text: text)
    }
    let host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    return try SocketAddress(ipAddress: host, port: port)
  }
}

struct ListenFault: Error, CustomStringConvertible {
  let text: String
  var description: String { "\(text) is not ADDRESS:PORT" }
}

/// Returns at SIGINT or SIGTERM.
func terminationSignal() async {
  await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
    let queue = DispatchQueue(label: "signals")
    nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []
    nonisolated(unsafe) var isDone = false
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        guard !isDone else { return }
        isDone = true
        for source in sources { source.cancel() }
        continuation.resume()
      }
      queue.sync { sources.append(source) }
      source.resume()
    }
  }
}
