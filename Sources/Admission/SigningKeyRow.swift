package import Cryptography
package import DKIM
import DNS
package import Postgres

/// A key of a domain as the directory shows it. Its private half never leaves the database through here.
package struct SigningKeyEntry: Sendable, Hashable {
  /// What it does now, by the database's clock.
  package enum State: String, Sendable {
    /// Its record is to be published; it does not sign yet.
    case pending
    case signing
    /// Another signs in its place; its record must stay, for mail that is still on its way.
    case retired
    /// Nobody needs its record any more.
    case removable
  }

  package let id: Int64
  package let tenant: String
  /// As the directory has it; the record has its A-labels.
  package let domain: String
  package let selector: String
  package let algorithm: SigningKey.Algorithm
  package let state: State
  package let createdAt: Timestamp
  /// `infinity` while it waits for its record.
  package let activeFrom: Timestamp
  /// Its record was looked for and is not there: it signs when that is seen, but not before this time.
  package let requestedFrom: Timestamp?
  /// nil: until another takes its place.
  package let retiredAt: Timestamp?
  /// Until when its record has to stay, once it is known that it will be retired.
  package let publishedUntil: Timestamp?
  package let record: KeyRecord

  /// Parameter `$1` is for how long a record stays after its key's retirement.
  static let columns = """
    k.id, t.name, d.name, k.selector, k.algorithm, k.public_key, k.created_at, k.active_from, k.retired_at,
    k.retired_at + $1 * interval '1 second',
    CASE WHEN k.retired_at + $1 * interval '1 second' <= postrider.schedule_now() THEN 'removable'
      WHEN k.retired_at <= postrider.schedule_now() THEN 'retired'
      WHEN k.active_from > postrider.schedule_now() THEN 'pending' ELSE 'signing' END,
    k.requested_from
    """

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    tenant = result.text(row, 1)
    domain = result.text(row, 2)
    selector = result.text(row, 3)
    algorithm = SigningKey.Algorithm(dkim: result.text(row, 4))
    record = KeyRecord(
      domain: DomainName.ascii(domain) ?? domain, selector: selector, algorithm: algorithm,
      publicKey: result.bytes(row, 5))
    createdAt = try result.timestamp(row, 6)
    activeFrom = try result.timestamp(row, 7)
    retiredAt = result.isNull(row, 8) ? nil : try result.timestamp(row, 8)
    publishedUntil = result.isNull(row, 9) ? nil : try result.timestamp(row, 9)
    requestedFrom = result.isNull(row, 11) ? nil : try result.timestamp(row, 11)
    state = State(rawValue: result.text(row, 10)) ?? .signing
  }
}

extension SigningKey.Algorithm {
  /// - Parameter dkim: the value of `a=`, of the two that the table allows.
  init(dkim: String) { self = dkim == "rsa-sha256" ? .rsa : .ed25519 }

  package var dkimName: String { self == .rsa ? "rsa-sha256" : "ed25519-sha256" }
}

/// What a stored private key is wrapped for: moved to another row it is worth nothing.
func signingKeyContext(tenant: Int64, domain: Int64, selector: String) -> [UInt8] {
  Array("dkim key\0\(tenant)\0\(domain)\0\(selector)".utf8)
}
