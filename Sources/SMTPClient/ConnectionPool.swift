package import Logging
package import MailModel
package import NIOCore
package import Routing
internal import SMTPWire
package import TLS

/// Delivers messages over connections that it keeps, shares and bounds.
///
/// One per worker process. For each host there are at most `connectionsPerDestination` connections; who comes when
/// all are busy waits in line. A connection serves up to `messagesPerConnection` messages within
/// `connectionAgeMax` and is closed after `connectionIdleTime` without one.
package final class ConnectionPool: Sendable {
  let configuration: ClientConfiguration
  let dialler: Dialler
  let destinations: Destinations
  let logger: Logger
  private let group: any EventLoopGroup

  package init(
    group: any EventLoopGroup, tls: TLSContext, configuration: ClientConfiguration,
    logger: Logger = Logger(label: "postrider.smtp-client")
  ) {
    self.group = group
    self.configuration = configuration
    self.logger = logger
    dialler = Dialler(group: group, configuration: configuration, tlsContext: tls)
    destinations = Destinations(
      limit: configuration.connectionsPerDestination, idleMax: configuration.idleConnectionsMax,
      waitMax: configuration.permitWaitMax, patience: configuration.linePatience
    ) { destinations, time in
      group.any().scheduleTask(in: TimeAmount(time)) { destinations.dismissExpired() }
    }
  }

  /// Delivers to all recipients of the transaction, at the first host of the route that can be talked to.
  ///
  /// The next host is tried after a failed connection, a failed set-up, a 4yz greeting, and a connection lost before
  /// the final dot; never after the final dot, and never because of what a host said about the message. Cancelling the task ends it soon, except while the reply to a final dot is awaited.
  /// - Returns: one attempt for each recipient, in their order.
  package func deliver(_ outgoing: OutgoingTransaction, over route: Route) async -> [Attempt] {
    var delivery = Delivery(pool: self, outgoing: outgoing)
    return await delivery.run(over: route)
  }

  /// Closes idle connections and turns new deliveries away; those under way go on until done or cancelled.
  package func shutdown() {
    for connection in destinations.shutDown() { connection.quit() }
  }

  /// Returns when nothing is under way, nobody waits and no idle connection is kept.
  package func drained() async {
    await withCheckedContinuation { continuation in destinations.whenEmpty { continuation.resume() } }
  }

  /// Connections in use, idle ones, and deliveries in line.
  package var counts: (inUse: Int, idle: Int, waiting: Int) {
    let counts = destinations.counts
    return (counts.inUse, counts.idle, counts.waiting)
  }

  // MARK: Permits

  func acquire(_ key: DestinationKey) async -> Permit {
    if destinations.acquireAtOnce(key) { return .granted }
    let id = destinations.nextID()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        destinations.acquire(key, id: id) { continuation.resume(returning: $0) }
        if Task.isCancelled { destinations.giveUp(key, id: id, why: "shutting down") }
      }
    } onCancel: {
      destinations.giveUp(key, id: id, why: "shutting down")
    }
  }

  // MARK: Connections

  /// An idle connection that is still good for this host.
  func reuse(_ host: RouteHost, _ key: DestinationKey) async -> ClientConnection? {
    while let connection = destinations.takeIdle(key) {
      if connection.isUsable, host.addresses.contains(connection.address), isFresh(connection) {
        return connection
      }
      // The DNS names other addresses by now, or it is too old.
      await connection.end()
    }
    return nil
  }

  /// Keeps a connection for the next message.
  /// - Returns: false when it says goodbye instead; until it is closed it still counts.
  func putBack(_ connection: ClientConnection, _ key: DestinationKey) -> Bool {
    guard connection.isUsable, isFresh(connection), destinations.keep(connection, key) else {
      connection.quit()
      return false
    }
    // It may have been closed before it was kept.
    if !connection.isUsable { destinations.forget(connection, key) }
    return true
  }

  /// Gives a permit back, once the connection that it was for is gone.
  func release(_ key: DestinationKey, after retired: ClientConnection?) {
    guard let retired else { return destinations.release(key) }
    retired.channel.closeFuture.whenComplete { [destinations] _ in destinations.release(key) }
  }

  func opened(_ connection: ClientConnection, _ key: DestinationKey) {
    connection.channel.closeFuture.whenComplete { [destinations] _ in destinations.forget(connection, key) }
  }

  private func isFresh(_ connection: ClientConnection) -> Bool {
    let limit = min(configuration.messagesPerConnection, connection.capabilities.transactionsMax ?? .max)
    return connection.transactions < limit && connection.opened.duration(to: .now) < configuration.connectionAgeMax
  }
}
