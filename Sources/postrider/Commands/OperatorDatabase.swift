internal import Admission
internal import MailQueue
internal import Postgres
internal import Settings

extension CommonOptions {
  /// Connects as a command that looks or steers does: once, without waiting for a database that is away.
  /// - Parameter body: what it throws is told in words.
  func withDatabase<T>(_ role: String, _ body: (PostgresConnection) throws -> T) throws -> T {
    let settings = try settings()
    do {
      let connection = try Node(settings, role: role).database(role: role).connect()
      try requireSchema(connection)
      return try body(connection)
    } catch let error as PostgresError {
      throw CommandFailure(error)
    } catch let error as DirectoryFailure {
      throw CommandFailure(error)
    }
  }

  func requireSchema(_ connection: PostgresConnection) throws {
    let fit = try Schema.fit(connection)
    guard !fit.isUsable else { return }
    throw CommandFailure(.unavailable, "the database's schema: \(fit.description)", advice: fit.advice)
  }
}

extension CommandFailure {
  init(_ error: PostgresError) {
    switch error.kind {
    case .connection, .timeout, .busy:
      self.init(
        .unavailable, "the database cannot be reached: \(error.message)",
        advice: "see that PostgreSQL runs and that database.url is right (`postrider config`); "
          + "`postrider doctor` checks both")
    case .server, .decoding:
      self.init(.failure, "the database refused: \(error.message)")
    }
  }

  init(_ failure: DirectoryFailure) {
    switch failure.kind {
    case .invalid: self.init(.usage, failure.description)
    case .exists: self.init(.exists, failure.description, advice: "it exists as it was; nothing has been changed")
    case .missing: self.init(.notFound, failure.description)
    case .database:
      self.init(.unavailable, failure.description, advice: "`postrider doctor` checks the database")
    }
  }
}
