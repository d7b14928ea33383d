package import MailQueue
import NIOConcurrencyHelpers
package import Postgres

/// Where tenants' new mail goes, as an acceptor knows it.
///
/// What it remembers may be out of date, for as long as it likes: the gate of each database refuses whoever is, and
/// then the directory is asked again. So known tenants' mail needs no directory.
package final class Placements: Sendable {
  private let known = NIOLockedValueBox<[Int64: Placement]>([:])
  private let lookups = SingleFlight<Int64, Result<Placement, EnqueueFailure>>()
  private let directory: PostgresPool
  private let rememberedMax: Int

  /// - Parameter directory: of the home database.
  package init(directory: PostgresPool, rememberedMax: Int = 200_000) {
    self.directory = directory
    self.rememberedMax = rememberedMax
  }

  /// What is known without asking anybody.
  package func remembered(_ tenant: Int64) -> Placement? { known.withLockedValue { $0[tenant] } }

  package func find(_ tenant: Int64) async -> Result<Placement, EnqueueFailure> {
    if let placement = remembered(tenant) { return .success(placement) }
    return await lookups.run(tenant) {
      do {
        guard let placement = try await directory.run(writes: false, { try Placement.find(tenant, $0) }) else {
          return .failure(.unavailable("there is no such tenant any more"))
        }
        known.withLockedValue { known in
          if known.count >= rememberedMax { known.removeAll() }
          known[tenant] = placement
        }
        return .success(placement)
      } catch {
        return .failure(.unavailable("the directory cannot be asked: \(error)"))
      }
    }
  }

  /// It has turned out to be out of date.
  package func forget(_ tenant: Int64, _ placement: Placement) {
    // Perhaps somebody has asked again meanwhile.
    known.withLockedValue { if $0[tenant] == placement { $0[tenant] = nil } }
  }
}
