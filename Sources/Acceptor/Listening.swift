import DNS
import Logging
import NIOCore
import NIOPosix
import Observability
import TLS

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension AcceptorService {
  /// - Returns: nil when the whole of IPv6 is asked for and this machine has none.
  func bind(_ listener: AcceptorConfiguration.Listener) async throws -> (any Channel)? {
    let address: SocketAddress
    do {
      address = try SocketAddress(ipAddress: listener.address, port: listener.port)
    } catch {
      throw AcceptorFailure(reason: "cannot listen on \(listener.address):\(listener.port): not an IP address")
    }
    do {
      let channel = try await bootstrap(listener, isVersion6: address.protocol == .inet6).bind(to: address).get()
      environment.logger.info(
        "listening", metadata: .fields([.address: channel.localAddress.map(Self.text)]))
      return channel
    } catch let error as IOError where listener.address == "::" && Self.meansNoIPv6(error) {
      environment.logger.warning(
        "no IPv6 on this machine: not listening on it", metadata: .fields([.port: listener.port]))
      return nil
    } catch {
      throw AcceptorFailure(reason: "cannot listen on \(Self.text(address)): \(error)")
    }
  }

  /// Several processes share a port by SO_REUSEPORT: the kernel spreads the connections.
  private func bootstrap(_ listener: AcceptorConfiguration.Listener, isVersion6: Bool) -> ServerBootstrap {
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_REUSEPORT)), value: 1
      )
      // Those that it accepts take it over.
      .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    if isVersion6 {
      // Otherwise [::] takes IPv4 as well, and 0.0.0.0 on the same port cannot be had.
      bootstrap = bootstrap.serverChannelOption(
        ChannelOptions.Types.SocketOption(level: .ipv6, name: .init(rawValue: IPV6_V6ONLY)), value: 1)
    }
    return bootstrap.childChannelInitializer { [environment] channel in
      channel.eventLoop.makeCompletedFuture {
        try Self.configure(channel)
        guard Self.isProxy(channel.remoteAddress, environment.configuration.proxyNetworks) else {
          return try Self.addSession(to: channel, listener.kind, environment)
        }
        try channel.pipeline.syncOperations.addHandler(
          ProxyProtocolHandler(environment: environment) { context, clientAddress in
            try Self.addSession(to: context.channel, listener.kind, environment, toldAddress: clientAddress)
          })
      }
    }
  }

  /// At once: as options of the bootstrap they would cost each connection a chain of futures.
  private static func configure(_ channel: any Channel) throws {
    guard let options = channel.syncOptions else { return }
    try options.setOption(.allowRemoteHalfClosure, value: true)
    // A client waits for its reply before it says more: to ask the socket again at once would be in vain.
    try options.setOption(.maxMessagesPerRead, value: 1)
    try options.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 * 1024))
    try options.setOption(.writeBufferWaterMark, value: .init(low: 8 * 1024, high: 32 * 1024))
  }

  private static func isProxy(_ peer: SocketAddress?, _ networks: [CIDR]) -> Bool {
    guard !networks.isEmpty, let address = peer?.ipAddress.flatMap({ IPAddress($0) }) else { return false }
    return networks.contains { $0.contains(address) }
  }

  private static func addSession(
    to channel: any Channel, _ kind: AcceptorConfiguration.Listener.Kind, _ environment: SessionEnvironment,
    toldAddress: String? = nil
  ) throws {
    if kind == .implicitTLS {
      try channel.pipeline.syncOperations.addHandler(TLSHandler(server: environment.tls))
    }
    try channel.pipeline.syncOperations.addHandler(
      SubmissionHandler(environment: environment, kind: kind, toldAddress: toldAddress))
  }

  private static func meansNoIPv6(_ error: IOError) -> Bool {
    error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
  }

  private static func text(_ address: SocketAddress) -> String {
    let host = address.ipAddress ?? "?"
    return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
  }
}
