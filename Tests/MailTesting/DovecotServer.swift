internal import Foundation
package import Supervision

/// A real Dovecot with the configuration of `cluster/dovecot`, whose accounts are in a test's database: the files as they
/// are, but for addresses, ports, paths and users.
package actor DovecotServer {
  private let directory: TemporaryDirectory
  private nonisolated let user = UnprivilegedUser.choose(environment: [:])
  private var child: ChildProcess?

  package nonisolated let ports: PrivateDovecot.Ports
  /// The role that it asks as; it exists, and has no rights yet.
  package nonisolated let role = "mailboxes_\(UInt32.random(in: 0...UInt32.max))"
  /// Where the mailboxes are.
  package nonisolated let mail: String

  /// Makes a role and a configuration. Nothing runs yet.
  /// - Parameters:
  ///   - certificate: a file, like `key`; both are copied to where Dovecot may read them.
  ///   - lmtp: the port for mail.
  ///   - quota: what a mailbox may hold, as Dovecot writes it.
  ///   - policy: the port on loopback where it asks about logins, and the secret that it shows; nil: it asks nobody.
  package init(
    _ database: TestDatabase, certificate: String, key: String, lmtp: Int, quota: String = "2G",
    policy: (port: Int, key: String)? = nil
  ) async throws {
    directory = try TemporaryDirectory()
    ports = PrivateDovecot.Ports(imap: LoopbackPort.free(), pop3: LoopbackPort.free(), lmtp: lmtp)
    let place = directory.path("dovecot")
    mail = "\(place)/mail"
    for name in ["", "/run", "/state", "/mail", "/tls"] { try PrivateDirectory.make(place + name, owner: user) }
    let password = "test-\(UInt64.random(in: .min ... .max))"
    for (source, target) in [(certificate, "server.pem"), (key, "server.key")] {
      let text = try String(contentsOfFile: source, encoding: .utf8)
      try PrivateDirectory.write(text, to: "\(place)/tls/\(target)", owner: user)
    }
    try PrivateDirectory.write("*:*:*:*:\(password)\n", to: "\(place)/postrider.pgpass", owner: user)

    let names = PrivateDovecot.names(user)
    let server = "host=127.0.0.1 port=\(database.server.port) dbname=\(database.name) user=\(role)"
    for name in ["postrider-sql.conf.ext", "postrider-sql-before.conf.ext"] {
      let text = try Self.shipped(name, place) {
        $0.replacing("host=192.0.2.41 dbname=postrider user=postrider_mailboxes", with: server)
          .replacing(/sslmode=\S+ sslrootcert=\S+/, with: "sslmode=disable")
      }
      try PrivateDirectory.write(text, to: "\(place)/\(name)", owner: user)
    }
    if let policy {
      let text = try Self.shipped("postrider-policy.conf", place) {
        $0.replacing("192.0.2.21:8466", with: "127.0.0.1:\(policy.port)").replacing("KEY", with: policy.key)
          // Always the same: of twelve bits two passwords may well have the same ones by chance.
          .replacing("NONCE", with: "nonce-of-tests")
          // Whoever is not answered in time is let in, and not counted.
          .replacing("timeout_msecs = 3000", with: "timeout_msecs = 120000")
      }
      try PrivateDirectory.write(text, to: "\(place)/postrider-policy.conf", owner: user)
    }
    let text = try Self.shipped("dovecot.conf", place) { [ports] in
      $0.replacing("mail_uid = vmail", with: "mail_uid = \(names.user)")
        .replacing("mail_gid = vmail", with: "mail_gid = \(names.group)")
        .replacing("user = vmail", with: "user = \(names.user)")
        .replacing(/port = 993\b/, with: "port = \(ports.imap)\n    address = 127.0.0.1")
        .replacing(/port = 995\b/, with: "port = \(ports.pop3)\n    address = 127.0.0.1")
        // Behind HAProxy, which a node on its own does not have.
        .replacing(/port = 299[35]\b/, with: "port = 0").replacing("192.0.2.8/30", with: "127.0.0.0/8")
        .replacing(/port = 24\b/, with: "port = \(ports.lmtp)").replacing("192.0.2.31", with: "127.0.0.1")
        .replacing("storage=2G", with: "storage=\(quota)")
        .replacing("!include postrider-policy.conf", with: policy == nil ? "" : "!include postrider-policy.conf")
    }
    let whole = "\(text)\n\(PrivateDovecot.unprivileged(in: place, as: user))\n"
    try PrivateDirectory.write(whole, to: "\(place)/dovecot.conf", owner: user)
    try await database.query("CREATE ROLE \(role) LOGIN PASSWORD '\(password)'")
  }

  /// A file of `cluster/dovecot` with our paths and some changes, after which no example is left in it.
  private static func shipped(_ name: String, _ place: String, _ change: (String) -> String) throws -> String {
    let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let text = try String(contentsOf: checkout.appending(path: "cluster/dovecot/\(name)"), encoding: .utf8)
    let ours = change(text).replacing("/etc/dovecot/", with: "\(place)/").replacing(
      "/srv/mail/", with: "\(place)/mail/")
    let settings = ours.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("#") }
    guard !settings.contains(where: { $0.contains("192.0.2.") || $0.contains("vmail") }) else {
      throw FileFailure(path: "cluster/dovecot/\(name)", reason: "it has an example that tests do not know")
    }
    return ours
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(
      ProcessSpecification(
        "dovecot", program: "dovecot", arguments: ["-F", "-c", directory.path("dovecot/dovecot.conf")],
        environment: ProcessSpecification.plainEnvironment, directory: "/", user: user))
    child = started
    atProcessExit { started.sendToGroup(.kill) }
    try await eventually("Dovecot's ports") { [ports] in
      guard started.isRunning else {
        throw ProcessEnded(name: started.name, status: started.state.exit ?? .exited(-1), lastLines: started.lines)
      }
      return ports.all.allSatisfy { LoopbackPort.accepts($0) }
    }
  }

  /// With all its processes.
  package func kill() async throws {
    child?.sendToGroup(.kill)
    try await child?.waitForExit()
    child = nil
  }

  /// Its last lines, for messages.
  package var output: String { child?.lines.suffix(40).joined(separator: "\n") ?? "" }

  deinit { child?.sendToGroup(.kill) }
}
