internal import Foundation
internal import Glibc

/// A PostgreSQL of our own, from the distribution's programs: its data below one directory, on loopback, with a
/// password and no Unix socket.
package struct PrivatePostgres: Sendable {
  /// Holds `data/`.
  package let directory: String
  package let port: Int
  package let password: String
  package let user: UnprivilegedUser?
  /// Settings that differ from PostgreSQL's own defaults.
  package var settings: [(name: String, value: String)]

  package static let role = "postrider"
  package static let readyLine = "database system is ready to accept connections"

  /// - Parameter user: who runs it; nil: we do. PostgreSQL refuses root.
  package init(directory: String, port: Int, password: String, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.password = password
    self.user = user
    settings = PrivatePostgres.recommendedSettings
  }

  /// What a queue on a small machine wants. `fsync`, `full_page_writes` and `synchronous_commit` stay on: a 250
  /// means that the message survives a power cut.
  package static let recommendedSettings: [(name: String, value: String)] = [
    ("max_connections", "200"), ("shared_buffers", "128MB"), ("wal_compression", "lz4"), ("jit", "off"),
    ("max_wal_size", "2GB"), ("checkpoint_completion_target", "0.9"), ("autovacuum_naptime", "10s"),
    ("autovacuum_vacuum_cost_limit", "2000"), ("log_checkpoints", "off"), ("log_line_prefix", "%m [%p] %d "),
  ]

  /// Where the newest installed server's programs are; nil when there is none.
  package static func programs() -> String? {
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let newest = versions.compactMap { Int($0) }.sorted().last { access("\(root)/\($0)/bin/initdb", X_OK) == 0 }
    return newest.map { "\(root)/\($0)/bin" }
  }

  package var isInitialised: Bool { access("\(directory)/data/PG_VERSION", F_OK) == 0 }

  /// Where its own processes find the directory.
  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  package func url(database: String) -> String {
    "postgresql://\(Self.role):\(password)@127.0.0.1:\(port)/\(database)"
  }

  /// Makes the data directory. An interrupted attempt is thrown away and made again.
  package func initialise() async throws {
    guard let programs = Self.programs() else {
      throw SpawnFailure(program: "initdb", reason: "PostgreSQL is not installed (apt-get install postgresql)")
    }
    try PrivateDirectory.make(directory, owner: user)
    let fresh = "\(directory)/data.new"
    try? FileManager.default.removeItem(atPath: fresh)
    try PrivateDirectory.write(password + "\n", to: "\(directory)/password", owner: user)
    defer { unlink("\(directory)/password") }
    let child = try ChildProcess.start(
      specification(
        "initdb", "\(programs)/initdb",
        [
          "--pgdata=\(visibleDirectory)/data.new", "--username=\(Self.role)",
          "--pwfile=\(visibleDirectory)/password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
        ]))
    let status = try await child.waitForExit(atMost: .seconds(120))
    guard status.isSuccess else {
      throw ProcessEnded(name: "initdb", status: status, lastLines: child.lines.suffix(20))
    }
    guard rename(fresh, "\(directory)/data") == 0 else { throw FileFailure(path: fresh, reason: errorText(errno)) }
  }

  /// Makes the data directory of a standby that follows another server from now on.
  /// - Parameters:
  ///   - primary: is running and has the same role and password.
  ///   - name: what the primary calls it in `synchronous_standby_names`.
  package func copy(from primary: PrivatePostgres, as name: String) async throws {
    try PrivateDirectory.make(directory, owner: user)
    var backup = specification(
      "pg_basebackup", "\(Self.programs() ?? "")/pg_basebackup",
      [
        "--pgdata=\(visibleDirectory)/data", "--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream",
        "--dbname=host=127.0.0.1 port=\(primary.port) user=\(Self.role) application_name=\(name)",
      ])
    backup.environment["PGPASSWORD"] = password
    let child = try ChildProcess.start(backup)
    let status = try await child.waitForExit(atMost: .seconds(120))
    guard status.isSuccess else {
      throw ProcessEnded(name: "pg_basebackup", status: status, lastLines: child.lines.suffix(20))
    }
  }

  /// Makes a database in the running server; one of that name may exist.
  package func makeDatabase(_ name: String) async throws {
    var environment = ProcessSpecification.plainEnvironment
    environment["PGPASSWORD"] = password
    let child = try ChildProcess.start(
      ProcessSpecification(
        "createdb", program: "\(Self.programs() ?? "")/createdb",
        arguments: ["-h", "127.0.0.1", "-p", "\(port)", "-U", Self.role, name], environment: environment, directory: "/"
      ))
    let status = try await child.waitForExit()
    guard status.isSuccess || child.lines.contains(where: { $0.contains("already exists") }) else {
      throw ProcessEnded(name: "createdb", status: status, lastLines: child.lines.suffix(5))
    }
  }

  /// The server in the foreground, writing its log to standard error. SIGINT is its fast shutdown.
  package func server() throws(SpawnFailure) -> ProcessSpecification {
    guard let programs = Self.programs() else {
      throw SpawnFailure(program: "postgres", reason: "PostgreSQL is not installed (apt-get install postgresql)")
    }
    let fixed = [
      "-D", "\(visibleDirectory)/data", "-c", "listen_addresses=127.0.0.1", "-c", "port=\(port)", "-c",
      "unix_socket_directories=",
    ]
    return specification(
      "postgres", "\(programs)/postgres", fixed + settings.flatMap { ["-c", "\($0.name)=\($0.value)"] })
  }

  private func specification(_ name: String, _ program: String, _ arguments: [String]) -> ProcessSpecification {
    ProcessSpecification(
      name, program: program, arguments: arguments, environment: ProcessSpecification.plainEnvironment,
      directory: "/", openedDirectory: user == nil ? nil : directory, user: user, deathSignal: .interrupt)
  }
}
