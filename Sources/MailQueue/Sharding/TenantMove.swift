package import Postgres

/// Brings a tenant's new mail to another database. What is queued stays where it is and drains there.
///
///     0  home     the wish is noted          still to the source
///     1  target   the tenant is made, closed still to the source
///                 suppressions are copied    still to the source
///     2  source   its gate is closed         nowhere: 451
///     3  home     the directory names target nowhere: 451
///     4  target   its gate is opened         to the target
///     5  home     the wish is struck out     to the target
///
/// Each step is a transaction of one database and can be done again. Whoever dies leaves the wish behind; the next
/// command or the keepers' `DirectoryUpkeep` goes on from there, and several at once do no harm: gates act on higher
/// epochs only, the directory changes only if it still says what was read.
package struct TenantMove {
  package typealias Connect = (_ shard: String) throws(PostgresError) -> PostgresConnection

  private let home: PostgresConnection
  private let connect: Connect

  /// - Parameter connect: to a shard by its name, `home` too.
  package init(home: PostgresConnection, connect: @escaping Connect) {
    self.home = home
    self.connect = connect
  }

  /// Does what is left of the move that is noted, if one is.
  /// - Parameter leavingSource: goes on although the source cannot be asked: its machine is lost. Should it come back,
  ///   acceptors that have not noticed the move may put mail there until the upkeep has closed it; it is delivered.
  /// - Returns: where the tenant is now; nil when there is no such tenant.
  package func finish(_ tenant: Int64, leavingSource: Bool = false) throws(PostgresError) -> Placement? {
    for _ in 0..<20 {
      guard let seen = try Placement.find(tenant, home) else { return nil }
      guard let target = seen.movingTo else { return seen }
      let there = try connect(target)
      try TenantCopies.make(tenant, from: home, in: there)
      if seen.shard != target { try bringSuppressions(of: tenant, from: seen.shard, to: there, leavingSource) }
      let gate = try TenantGate.find(tenant, there)?.epoch ?? 0
      var epoch = seen.epoch
      // Otherwise only the last steps are left.
      if seen.shard != target || gate > seen.epoch {
        epoch = max(seen.epoch, gate)
        do throws(PostgresError) {
          let here = try seen.shard == target ? there : connect(seen.shard)
          epoch = max(epoch, try TenantGate.find(tenant, here)?.epoch ?? 0) + 1
          try closeAtLast(tenant, at: epoch, here)
        } catch {
          guard leavingSource, error.kind == .connection || error.kind == .timeout else { throw error }
          epoch += 1
        }
        guard try Placement.name(tenant, target, at: epoch, ifStill: seen, home) else { continue }
      }
      try TenantGate.open(tenant, at: epoch, there)
      if try Placement.settle(tenant, target, at: epoch, home) { return Placement(shard: target, epoch: epoch) }
    }
    throw PostgresError(.busy, "others move this tenant at the same time")
  }

  /// What is learned in the source from now on follows by the upkeep: `SuppressionCopies`.
  private func bringSuppressions(
    of tenant: Int64, from source: String, to target: PostgresConnection, _ leavingSource: Bool
  ) throws(PostgresError) {
    do throws(PostgresError) {
      try SuppressionCopies.copy(tenant, from: connect(source), to: target)
    } catch {
      // They are lost with it. If it was the target that failed, the next question to it says so.
      guard leavingSource else { throw error }
    }
  }

  /// While it waits for a stuck insertion, others wait for it: so it gives way every two seconds.
  private func closeAtLast(_ tenant: Int64, at epoch: Int64, _ source: PostgresConnection) throws(PostgresError) {
    let lockNotAvailable = "55P03"
    for _ in 0..<9 {
      do throws(PostgresError) {
        return try TenantGate.close(tenant, at: epoch, source)
      } catch {
        guard error.sqlState == lockNotAvailable else { throw error }
      }
    }
    try TenantGate.close(tenant, at: epoch, source)
  }
}
