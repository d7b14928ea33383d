internal import Postgres

/// What a worker remembers from claim to claim: whose turn it is among the tenants, and each one's credit and place.
///
/// It lives in the worker: with several, after a worker's death and without Redis, each worker is fair by itself, so
/// that their sum is.
package struct FairCursor: Sendable {
  /// One tenant's place in its own circle of lanes.
  struct Place: Sendable, Hashable {
    /// Rows that it may take before its next grant; negative after a message's recipients overdrew it.
    var credit: Int32
    var lane: Int64
    /// How many rows that lane still gets before it is the next one's turn.
    var laneRows: Int32
  }

  private var nextTenant: Int64 = 0
  /// The next tenant's turn was broken off when the claim was full.
  private var hasGrant = false
  private(set) var places: [Int64: Place] = [:]
  /// Tenants that are remembered; beyond it all start anew, without credit.
  static let rememberedMax = 16_384
  /// Tenants that a claim is told about: those whose turn comes next. It visits fewer.
  static let toldMax = 1024

  package init() {}

  func append(to parameters: inout PostgresParameters) {
    var told = Array(places.keys)
    if told.count > Self.toldMax {
      told.sort()
      let start = told.firstIndex { $0 >= nextTenant } ?? 0
      told = Array((told[start...] + told[..<start]).prefix(Self.toldMax))
    }
    parameters.append(nextTenant)
    parameters.append(hasGrant)
    parameters.append(told)
    parameters.append(told.map { places[$0]?.credit ?? 0 })
    parameters.append(told.map { places[$0]?.lane ?? 0 })
    parameters.append(told.map { places[$0]?.laneRows ?? 0 })
  }

  /// Reads what a claim returned, from `firstColumn` on.
  mutating func advance(_ claim: PostgresResult, firstColumn: Int) throws(PostgresError) {
    nextTenant = try claim.int64(0, firstColumn)
    hasGrant = try claim.bool(0, firstColumn + 1)
    let tenants = try claim.integers(0, firstColumn + 2, as: Int64.self).compactMap(\.self)
    let credits = try claim.integers(0, firstColumn + 3, as: Int32.self).compactMap(\.self)
    let lanes = try claim.integers(0, firstColumn + 4, as: Int64.self).compactMap(\.self)
    let laneRows = try claim.integers(0, firstColumn + 5, as: Int32.self).compactMap(\.self)
    if places.count > Self.rememberedMax { places.removeAll() }
    for (index, tenant) in tenants.enumerated() {
      places[tenant] = Place(credit: credits[index], lane: lanes[index], laneRows: laneRows[index])
    }
  }
}

/// How many recipients a worker wants of each destination domain, so that a slow one does not fill it.
package struct DestinationRooms: Sendable {
  /// Of these destinations at most so many.
  package var rooms: [String: Int]
  /// Of any other.
  package var other: Int
  /// None of these for a while: their lanes are laid aside for a second.
  package var paused: [String]

  package init(rooms: [String: Int] = [:], other: Int = .max, paused: [String] = []) {
    self.rooms = rooms
    self.other = other
    self.paused = paused
  }
}
