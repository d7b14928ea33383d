internal import DNS
internal import NIOConcurrencyHelpers

/// How much one client may take: connections at once, requests in a minute. Kept by each process for itself.
///
/// An IPv6 client is a /64: whoever has one address of it has all.
final class ClientBounds: Sendable {
  private struct State {
    var count = 0
    var connections: [IPAddress: Int] = [:]
    var requests: [IPAddress: Int] = [:]
    var minute: ContinuousClock.Instant?
  }

  /// Beyond this, clients that nobody has heard of in this minute share one count.
  private static let clientsMax = 100_000
  private static let others = IPAddress(v4: 0)

  private let connectionsMax: Int
  private let perClientMax: Int
  private let requestsMax: Int
  private let state = NIOLockedValueBox(State())

  /// - Parameter requestsMax: of one client in a minute.
  init(connectionsMax: Int, perClientMax: Int, requestsMax: Int) {
    self.connectionsMax = connectionsMax
    self.perClientMax = perClientMax
    self.requestsMax = requestsMax
  }

  /// - Parameter client: nil: a load balancer, or somebody without an address; only the whole is counted.
  /// - Returns: whether there is room; if so, `leave` must follow.
  func enter(_ client: IPAddress?) -> Bool {
    let client = client.map(Self.network)
    return state.withLockedValue { state in
      guard state.count < connectionsMax else { return false }
      if let client {
        guard state.connections[client, default: 0] < perClientMax else { return false }
        state.connections[client, default: 0] += 1
      }
      state.count += 1
      return true
    }
  }

  func leave(_ client: IPAddress?) {
    let client = client.map(Self.network)
    state.withLockedValue { state in
      state.count -= 1
      guard let client, let count = state.connections[client] else { return }
      state.connections[client] = count > 1 ? count - 1 : nil
    }
  }

  /// Counts a request.
  /// - Returns: whether it may be answered.
  func mayAsk(_ client: IPAddress, at now: ContinuousClock.Instant = .now) -> Bool {
    let client = Self.network(client)
    return state.withLockedValue { state in
      if state.minute.map({ $0.duration(to: now) >= .seconds(60) }) ?? true {
        state.minute = now
        state.requests.removeAll(keepingCapacity: true)
      }
      let isKnown = state.requests[client] != nil
      let counted = isKnown || state.requests.count < Self.clientsMax ? client : Self.others
      state.requests[counted, default: 0] += 1
      return state.requests[counted, default: 0] <= requestsMax
    }
  }

  private static func network(_ address: IPAddress) -> IPAddress {
    address.family == .v4 ? address : IPAddress(v6High: address.high, low: 0)
  }
}
