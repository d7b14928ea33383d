/// What can go wrong between us and PostgreSQL.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// No connection could be made, or it broke. Whether the last statement took effect is unknown.
    case connection
    /// The operation's own time limit passed. The connection was dropped; nothing was cancelled.
    case timeout
    /// The server refused a statement; the transaction is rolled back.
    case server
    /// The pool has more waiting work than it accepts, or is shutting down.
    case busy
    /// A value in a result had another type than the caller expects: a programmer's error, kept from crashing.
    case decoding
  }

  package let kind: Kind
  /// The five-character SQLSTATE, for `.server`.
  package let sqlState: String?
  /// One line, without the statement's parameters: those may hold secrets.
  package let message: String

  package init(_ kind: Kind, sqlState: String? = nil, _ message: String) {
    self.kind = kind
    self.sqlState = sqlState
    self.message = message
  }

  package var description: String {
    sqlState.map { "PostgreSQL \($0): \(message)" } ?? "PostgreSQL: \(message)"
  }

  /// Whether the fault lies in the rows that were sent (class 22 data, 23 integrity, 54 program limits),
  /// so that sending other rows may work.
  package var blamesData: Bool {
    // 23514 is also «no partition for this row»: the upkeep's fault, and no CHECK depends on what clients send.
    guard let sqlState, sqlState != "23514" else { return false }
    return ["22", "23", "54"].contains { sqlState.hasPrefix($0) }
  }
}
