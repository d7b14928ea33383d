internal import MailQueue
package import Postgres

/// One customer of the node.
package struct Tenant: Sendable, Hashable {
  package let id: Int64
  package let name: String
  package let weight: Int32
  package let createdAt: Timestamp
  /// nil: not suspended.
  package let suspendedAt: Timestamp?
  /// Of mail that it submits; nil: the node's settings.
  package let retention: RetentionChoice
  package let returns: ReturnChoice

  static let columns = """
    t.id, t.name, t.weight, t.created_at, t.suspended_at, t.retention, t.retention_bounced, t.return_path_host,
    t.return_path_each, t.suppress_bounces, t.suppress_complaints
    """

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    weight = try result.int32(row, 2)
    createdAt = try result.timestamp(row, 3)
    suspendedAt = result.isNull(row, 4) ? nil : try result.timestamp(row, 4)
    retention = try RetentionChoice(result, row, firstColumn: 5)
    returns = try ReturnChoice(result, row, firstColumn: 7)
  }
}

/// What a tenant has decided about its mail that comes back.
package struct ReturnChoice: Sendable, Hashable {
  /// In lower case. nil: its mail keeps its senders' own addresses.
  package var host: String?
  /// Each recipient has a return path, and so a transaction, of its own.
  package var isForEach = false
  /// For how long a dead address is suppressed; zero: not at all; nil: the node's settings.
  package var bounces: Duration?
  /// The same for one whose owner complained.
  package var complaints: Duration?

  package init() {}

  init(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws {
    func seconds(_ column: Int) throws -> Duration? {
      result.isNull(row, column) ? nil : .seconds(Int64(try result.int32(row, column)))
    }
    host = result.isNull(row, first) ? nil : result.text(row, first)
    isForEach = try result.bool(row, first + 1)
    bounces = try seconds(first + 2)
    complaints = try seconds(first + 3)
  }

  func append(to parameters: inout PostgresParameters) {
    parameters.append(host)
    parameters.append(isForEach)
    parameters.append(bounces.map(\.wholeSeconds))
    parameters.append(complaints.map(\.wholeSeconds))
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
  /// Of mail that is submitted with it; nil: its tenant's.
  package let retention: RetentionChoice
  /// From then on nobody logs in with it; nil: it has no end.
  package let expiresAt: Timestamp?
  /// Since when it is not for SMTP; nil: it is.
  package let smtpDisabledAt: Timestamp?
  /// To the hour; nil: it never was.
  package let lastUsedAt: Timestamp?
  /// Until when the password before the present one is good as well.
  package let oldPasswordUntil: Timestamp?
  /// Addresses and domains that it may send as besides its own.
  package let senders: [String]
  /// Since when it has no mailbox; nil: it has one, if its domain's are here.
  package let mailboxDisabledAt: Timestamp?

  static let columns = """
    c.id, c.name, c.covers_domain, d.name, t.name, c.version, c.created_at, c.disabled_at, c.retention,
    c.retention_bounced, c.expires_at, c.smtp_disabled_at, c.last_used_at,
    CASE WHEN c.old_secret_until > now() THEN c.old_secret_until END,
    (SELECT coalesce(string_agg(a.sender, E'\\n' ORDER BY a.sender), '')
     FROM postrider.allowed_sender a WHERE a.credential = c.id),
    c.mailbox_disabled_at
    """

  init(_ result: PostgresResult, _ row: Int) throws {
    id = try result.int64(row, 0)
    name = result.text(row, 1)
    coversDomain = try result.bool(row, 2)
    domain = result.text(row, 3)
    tenant = result.text(row, 4)
    version = try result.int64(row, 5)
    createdAt = try result.timestamp(row, 6)
    disabledAt = result.isNull(row, 7) ? nil : try result.timestamp(row, 7)
    retention = try RetentionChoice(result, row, firstColumn: 8)
    expiresAt = result.isNull(row, 10) ? nil : try result.timestamp(row, 10)
    smtpDisabledAt = result.isNull(row, 11) ? nil : try result.timestamp(row, 11)
    lastUsedAt = result.isNull(row, 12) ? nil : try result.timestamp(row, 12)
    oldPasswordUntil = result.isNull(row, 13) ? nil : try result.timestamp(row, 13)
    senders = result.text(row, 14).split(separator: "\n").map(String.init)
    mailboxDisabledAt = result.isNull(row, 15) ? nil : try result.timestamp(row, 15)
  }
}

/// For how long bodies are kept after their message's end, where somebody has a choice of their own. Whole seconds.
package struct RetentionChoice: Sendable, Hashable {
  /// Of mail that was delivered; nil: no choice.
  package var body: Duration?
  /// Of mail of which a recipient bounced or expired; nil: no choice.
  package var bounced: Duration?

  package init(body: Duration? = nil, bounced: Duration? = nil) {
    self.body = body
    self.bounced = bounced
  }

  init(_ result: PostgresResult, _ row: Int, firstColumn first: Int) throws {
    body = result.isNull(row, first) ? nil : .seconds(Int64(try result.int32(row, first)))
    bounced = result.isNull(row, first + 1) ? nil : .seconds(Int64(try result.int32(row, first + 1)))
  }

  func append(to parameters: inout PostgresParameters) {
    parameters.append(body.map { Int32(clamping: max(0, $0.components.seconds)) })
    parameters.append(bounced.map { Int32(clamping: max(0, $0.components.seconds)) })
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
