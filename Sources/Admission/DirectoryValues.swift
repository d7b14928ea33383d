package import Postgres

/// One customer of the node.
package struct Tenant: Sendable, Hashable {
  package let id: Int64
  package let name: String
  package let weight: Int32
  package let createdAt: Timestamp
  /// nil: not suspended.
  package let suspendedAt: Timestamp?

  static let columns = "t.id, t.name, t.weight, t.created_at, t.suspended_at"

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    weight = try result.int32(row, 2)
    createdAt = try result.timestamp(row, 3)
    suspendedAt = result.isNull(row, 4) ? nil : try result.timestamp(row, 4)
  }
}

/// A domain that a tenant sends from.
package struct Domain: Sendable, Hashable {
  package let id: Int64
  package let name: String
  package let tenant: String
  package let createdAt: Timestamp
  package let disabledAt: Timestamp?

  static let columns = "d.id, d.name, t.name, d.created_at, d.disabled_at"

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    tenant = result.text(row, 2)
    createdAt = try result.timestamp(row, 3)
    disabledAt = result.isNull(row, 4) ? nil : try result.timestamp(row, 4)
  }
}

/// What somebody logs in with. Its secret never leaves the database through here.
package struct Credential: Sendable, Hashable {
  package let id: Int64
  /// The address, or the domain.
  package let name: String
  package let coversDomain: Bool
  package let domain: String
  package let tenant: String
  package let version: Int64
  package let createdAt: Timestamp
  package let disabledAt: Timestamp?

  static let columns = "c.id, c.name, c.covers_domain, d.name, t.name, c.version, c.created_at, c.disabled_at"

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    coversDomain = try result.bool(row, 2)
    domain = result.text(row, 3)
    tenant = result.text(row, 4)
    version = try result.int64(row, 5)
    createdAt = try result.timestamp(row, 6)
    disabledAt = result.isNull(row, 7) ? nil : try result.timestamp(row, 7)
  }
}

/// Why the directory did not do what it was asked.
package struct DirectoryFailure: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case invalid
    case exists
    case missing
    case database
  }

  package let kind: Kind
  /// For people. Names in it may come from outside.
  package let description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
