internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The addresses that a service listens on. Several processes share a port by SO_REUSEPORT: the kernel spreads the
/// connections.
package final class SharedListeners: Sendable {
  private let group: any EventLoopGroup
  private let channels = NIOLockedValueBox<[any Channel]>([])

  package init(group: any EventLoopGroup) { self.group = group }

  package var isEmpty: Bool { channels.withLockedValue(\.isEmpty) }

  /// In the order in which they were opened.
  package var addresses: [SocketAddress] { channels.withLockedValue { $0.compactMap(\.localAddress) } }

  /// Listens on one more.
  /// - Parameters:
  ///   - address: an IP address.
  ///   - begin: prepares each connection, on its event loop.
  /// - Returns: the port; that of the system's choice for 0.
  /// - Throws: what the system says when it cannot be had.
  package func open(
    _ address: String, _ port: Int, begin: @escaping @Sendable (any Channel) throws -> Void
  ) async throws -> Int {
    let place = try SocketAddress(ipAddress: address, port: port)
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_REUSEPORT)), value: 1)
    if place.protocol == .inet6 {
      // Otherwise [::] takes IPv4 as well, and 0.0.0.0 on the same port cannot be had.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .init(rawValue: IPV6_V6ONLY)), value: 1)
    }
    let channel = try await bootstrap.childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try begin(channel) }
    }.bind(to: place).get()
    channels.withLockedValue { $0.append(channel) }
    return channel.localAddress?.port ?? 0
  }

  /// Closes all. Connections stay.
  package func close() async {
    let open = channels.withLockedValue { channels in
      defer { channels = [] }
      return channels
    }
    for channel in open { try? await channel.close() }
  }
}
