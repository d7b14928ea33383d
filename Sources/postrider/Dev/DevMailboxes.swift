import Admission
import MailQueue
import Postgres
import Supervision

/// `--mailboxes`: the demo's domain has its mailboxes here, and Dovecot keeps them.
enum DevMailboxes {
  static let role = "postrider_mailboxes"

  /// - Throws: with what to install, or where Dovecot could not work.
  static func check(_ layout: DevLayout) throws {
    if let packages = PrivateDovecot.missing {
      throw DevFailure(
        "--mailboxes needs Dovecot 2.3 with IMAP, POP3, LMTP and PostgreSQL: apt-get install \(packages)")
    }
    guard layout.isReachable else {
      throw DevFailure(
        "--mailboxes: \(layout.user?.name ?? "Dovecot") cannot reach \(layout.root); use another --directory")
    }
    guard "\(layout.root)/dovecot".utf8.count <= PrivateDovecot.directoryLengthMax else {
      throw DevFailure(
        "--mailboxes: the path \(layout.root) is too long for Dovecot's sockets; use another --directory")
    }
  }

  /// The role that Dovecot asks as, and whether the demo's domain has its mailboxes here. Safe to repeat.
  static func prepare(_ connection: PostgresConnection, password: String?) throws {
    if let password {
      let exists = try connection.query("SELECT count(*) FROM pg_roles WHERE rolname = '\(role)'").int64(0, 0) > 0
      _ = try connection.query("\(exists ? "ALTER" : "CREATE") ROLE \(role) LOGIN PASSWORD '\(password)'")
      try DatabaseRole.mailboxes.grant(to: role, connection)
    }
    try TenantDirectory(connection).setMailboxes(password != nil, of: DevDestinations.domain)
  }
}
