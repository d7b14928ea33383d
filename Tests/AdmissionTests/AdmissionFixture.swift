import Admission
import MailQueue
import MailTesting
import NIOConcurrencyHelpers
import Postgres

/// A database with one tenant, its domain `example.com` and the credentials `bob@example.com` (password `secret`)
/// and `example.com` (password `shared`), and a clock that stands still.
final class AdmissionFixture: Sendable {
  let database: TestDatabase
  let pool: PostgresPool
  private let time = NIOLockedValueBox(ContinuousClock.now)

  /// - Parameter server: one of the test's own, when it is going to be stopped.
  init(on server: PostgresServer? = nil) async throws {
    if let server {
      database = try await TestDatabase.make(on: server)
    } else {
      database = try await TestDatabase.make()
    }
    let configuration = PostgresConfiguration.patient(url: database.url)
    let connection = try configuration.connect()
    try Schema.migrate(connection, purpose: .test)
    pool = PostgresPool(configuration, threads: 2)
    let directory = TenantDirectory(connection)
    try directory.addTenant("acme")
    try directory.addDomain("example.com", tenant: "acme", isTrusted: true)
    _ = try directory.addCredential("bob@example.com", password: Array("secret".utf8))
    _ = try directory.addCredential("example.com", password: Array("shared".utf8))
  }

  deinit { pool.shutdown() }

  var now: ContinuousClock.Instant { time.withLockedValue { $0 } }

  func advance(by duration: Duration) { time.withLockedValue { $0 += duration } }

  func authenticator(_ configuration: AuthenticatorConfiguration = .init()) -> CredentialAuthenticator {
    CredentialAuthenticator(pool: pool, configuration: configuration) { [time] in time.withLockedValue { $0 } }
  }

  func directory() throws -> TenantDirectory {
    TenantDirectory(try PostgresConfiguration.patient(url: database.url).connect())
  }
}

/// The outcome of a login in a form that can be compared.
enum Outcome: Equatable {
  case accepted(String)
  case rejected
  case disabled(String)
  case smtpOff
  case overloaded
  case unavailable
}

extension CredentialAuthenticator {
  func login(_ username: String, _ password: String) async -> Outcome {
    switch await authenticate(username: username, password: Array(password.utf8), clientAddress: "127.0.0.1") {
    case .accepted(let principal): .accepted(principal.name)
    case .rejected: .rejected
    case .disabled(let reason): .disabled(reason)
    case .smtpOff: .smtpOff
    case .overloaded: .overloaded
    case .unavailable, .locked: .unavailable
    }
  }
}
