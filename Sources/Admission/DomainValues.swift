package import Postgres

/// How it became known that a domain is its tenant's.
package enum DomainProof: String, Sendable, Hashable {
  /// The record with the tenant's token was there.
  case record
  /// A domain above it is the tenant's.
  case parent
  /// An operator's word.
  case trusted = "operator"
  /// It was here before proofs were asked for.
  case earlier
}

/// What a tenant publishes to prove that a domain is its own: a TXT record with a token that nobody else has.
package struct DomainChallenge: Sendable, Hashable {
  /// Where, without a dot at the end.
  package let name: String
  /// The text of the record.
  package let text: String

  /// - Parameters:
  ///   - domain: in A-labels.
  ///   - token: of this tenant for this domain.
  package init(domain: String, token: String) {
    name = "\(Self.label).\(domain)"
    text = "\(Self.prefix)\(token)"
  }

  package static let label = "_postrider-challenge"
  package static let prefix = "postrider-verification="
}

/// A domain that a tenant sends from.
package struct Domain: Sendable, Hashable {
  package let id: Int64
  package let name: String
  package let tenant: String
  package let createdAt: Timestamp
  package let disabledAt: Timestamp?
  /// Since when it is known to be the tenant's; nil: nothing is sent as it.
  package let provenAt: Timestamp?
  package let proof: DomainProof?
  /// Since when the record that has proven it is gone.
  package let vanishedAt: Timestamp?
  /// When its records were last looked up.
  package let checkedAt: Timestamp?
  /// What was found then, as JSON.
  package let findings: String?
  package let challenge: DomainChallenge
  /// The name in A-labels where its mailboxes are here; nil: its mail goes by its MX.
  package let mailboxDomain: String?

  static let columns = """
    d.id, d.name, t.name, d.created_at, d.disabled_at, d.proven_at, d.proof, d.vanished_at, d.checked_at,
    d.findings::text, d.challenge, d.mailbox_domain
    """

  init(_ result: PostgresResult, _ row: Int) throws {
    func time(_ column: Int) throws -> Timestamp? {
      result.isNull(row, column) ? nil : try result.timestamp(row, column)
    }
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    tenant = result.text(row, 2)
    createdAt = try result.timestamp(row, 3)
    disabledAt = try time(4)
    provenAt = try time(5)
    proof = DomainProof(rawValue: result.text(row, 6))
    vanishedAt = try time(7)
    checkedAt = try time(8)
    findings = result.isNull(row, 9) ? nil : result.text(row, 9)
    challenge = DomainChallenge(domain: asciiDomain(name), token: result.text(row, 10))
    mailboxDomain = result.isNull(row, 11) ? nil : result.text(row, 11)
  }
}

/// A tenant that says a domain of another, which has not proven it, is its own.
package struct DomainClaim: Sendable, Hashable {
  package let tenant: String
  package let domain: String
  package let challenge: DomainChallenge
}

/// A domain that a login stands for and that nothing is sent as, because it is not known to be its tenant's.
package struct UnprovenDomain: Sendable, Hashable {
  /// As a client hears it, in A-labels.
  package let name: String
  package let challenge: DomainChallenge

  package init(name: String, token: String) {
    self.name = asciiDomain(name)
    challenge = DomainChallenge(domain: self.name, token: token)
  }

  /// - Parameter lines: a name, a blank and a token each.
  static func all(_ lines: String) -> [UnprovenDomain] {
    lines.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: " ")
      return parts.count == 2 ? UnprovenDomain(name: String(parts[0]), token: String(parts[1])) : nil
    }
  }
}
