import Admission
import Foundation
import Postgres
import Settings
import Supervision

/// The processes of the development node, in the order in which they start.
struct DevProcesses: Sendable {
  let layout: DevLayout
  let files: DevFiles
  let settings: Settings
  let overrides: [String]

  func all() throws -> [ManagedProcess] {
    let stopLimit = settings.shutdown.notice + settings.shutdown.timeout + .seconds(10)
    var keeper = role("keeper", "keeper-1", .started, stopLimit)
    keeper.before = { [self] in try await DevSchema(layout: layout, files: files, overrides: overrides).prepare() }
    let submission = [settings.smtp.implicitTLS.listen, settings.smtp.startTLS.listen].flatMap { $0.map(\.port) }
    let scanners = [
      files.clamd.map { ManagedProcess($0.server, readiness: .listens([$0.port]), isShown: false) },
      files.rspamd.map { ManagedProcess($0.server, readiness: .listens([$0.port]), isShown: false) },
    ].compactMap(\.self)
    let services = try [
      ManagedProcess(
        files.database.server(), readiness: .line(PrivatePostgres.readyLine), stopSignal: .interrupt, isShown: false),
      ManagedProcess(files.redis.server, readiness: .line(PrivateRedis.readyLine), isShown: false),
      ManagedProcess(files.nameServer.server, readiness: .line(PrivateNameServer.readyLine), isShown: false),
    ]
    let dovecot = files.dovecot.map {
      [ManagedProcess($0.server, readiness: .listens($0.ports.all), isShown: false)]
    }
    // The keeper's start makes the database, which Dovecot's role is in.
    let own =
      [sink(), keeper] + (dovecot ?? []) + [
        role("worker", "worker-1", .started, stopLimit),
        role("worker", "worker-2", .started, stopLimit),
        role("acceptor", "acceptor-1", .listens(submission), stopLimit),
        role("acceptor", "acceptor-2", .listens(submission), stopLimit),
      ]
    return services + scanners + own + (dovecot == nil ? [] : [discovery(stopLimit)])
  }

  /// Tells of the ports that are really used: those of `--set` may differ from what the file says.
  private func discovery(_ stopLimit: Duration) -> ManagedProcess {
    let ports = (settings.discovery.http.listen + settings.discovery.https.listen).map(\.port)
    let submission = [
      ("implicit_tls_port", settings.smtp.implicitTLS.listen), ("starttls_port", settings.smtp.startTLS.listen),
    ].map { "discovery.submission.\($0.0)=\($0.1.first?.port ?? 0)" }
    return role("discovery", DevPorts.discoveryRole, .listens(ports), stopLimit, first: submission)
  }

  /// - Parameter first: settings that give way to those of `--set`.
  private func role(
    _ role: String, _ name: String, _ readiness: ManagedProcess.Readiness, _ stopLimit: Duration, first: [String] = []
  ) -> ManagedProcess {
    // The last one wins, and one address for all would serve only the first.
    let status = files.ports.status.first { $0.role == name }.map { ["status.listen=127.0.0.1:\($0.port)"] } ?? []
    return ManagedProcess(
      layout.program(name, "postrider", [role] + DevSchema.configuration(layout, first + overrides + status)),
      readiness: readiness, stopLimit: stopLimit)
  }

  private func sink() -> ManagedProcess {
    let port = settings.delivery.port
    let listen = DevDestinations.hosts.flatMap { ["--listen", "\($0.address):\(port)"] }
    return ManagedProcess(
      layout.program(
        "sink", "postrider-lab",
        [
          "sink", "--script", layout.visible("sink.yaml"), "--capture", layout.visible("sink"), "--journal",
          layout.visible("sink.journal"), "--certificate", layout.visible("tls/server.pem"), "--key",
          layout.visible("tls/server.key"),
        ] + listen), readiness: .line("sink ready"))
  }
}

/// What must be in the database before a role may start.
struct DevSchema: Sendable {
  let layout: DevLayout
  let files: DevFiles
  let overrides: [String]

  /// What every command of ours is told.
  static func configuration(_ layout: DevLayout, _ overrides: [String]) -> [String] {
    ["--config", layout.visible(layout.visibleConfiguration)] + overrides.flatMap { ["--set", $0] }
  }

  func prepare() async throws {
    try await files.database.makeDatabase("postrider")
    say("migrating the database")
    try await run(["migrate"])
    do {
      let connection = try PostgresConfiguration(url: files.databaseURL, role: "postrider dev").connect()
      try makeTenant(TenantDirectory(connection))
      try DevMailboxes.prepare(connection, password: files.ports.mailboxes == nil ? nil : files.secrets.mailboxes)
    } catch let failure as DirectoryFailure {
      throw DevFailure("cannot make the tenant: \(failure)")
    }
  }

  /// What an earlier start made is kept; an interrupted one is completed.
  private func makeTenant(_ directory: TenantDirectory) throws {
    if try !directory.tenants().contains(where: { $0.name == "demo" }) {
      say("making tenant demo with domain \(DevDestinations.domain) and login \(DevDestinations.login)")
      try directory.addTenant("demo")
    }
    if try !directory.domains().contains(where: { $0.name == DevDestinations.domain }) {
      try directory.addDomain(DevDestinations.domain, tenant: "demo", isTrusted: true)
    }
    if try !directory.credentials().contains(where: { $0.name == DevDestinations.login }) {
      _ = try directory.addCredential(DevDestinations.login, password: Array(files.secrets.submission.utf8))
    }
  }

  /// Runs one of our admin commands to its end.
  @discardableResult
  func run(_ arguments: [String]) async throws -> [String] {
    let name = arguments.prefix(2).joined(separator: " ")
    let child = try ChildProcess.start(
      layout.program("postrider \(name)", "postrider", arguments + Self.configuration(layout, overrides)))
    let status = try await child.waitForExit(atMost: .seconds(120))
    guard status.isSuccess else {
      throw ProcessEnded(name: child.name, status: status, lastLines: child.lines.suffix(20))
    }
    return child.lines
  }
}
