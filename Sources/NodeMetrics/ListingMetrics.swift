package import CoreMetrics

/// Which block lists name addresses that we send from.
package final class ListingMetrics: Sendable {
  private let listed: GaugeFamilies

  package init(_ factory: any MetricsFactory = MetricsSystem.factory) { listed = GaugeFamilies(factory) }

  /// - Parameter known: all that is known; what is not in it is not shown.
  package func show(_ known: [(list: String, address: String, isListed: Bool)]) {
    listed.replace(known.map { .init(.blocklistListed, [$0.list, $0.address], $0.isListed ? 1 : 0) })
  }
}
