import Cryptography
import Foundation
import Settings
import Supervision

/// Ports that only the development node has.
struct DevPorts: Sendable {
  var database: Int
  var redis: Int
  var nameServer: Int
  var clamd: Int
  var rspamd: Int
  /// nil: no mailboxes are kept.
  var mailboxes: PrivateDovecot.Ports?
  /// Where each role tells about itself.
  var status: [(role: String, port: Int)]
  static let delivery = 2_525
  /// Where mail programs ask, with mailboxes: without them there is no account to be set up.
  static let discovery = 2_080
  static let roles = ["keeper-1", "worker-1", "worker-2", "acceptor-1", "acceptor-2"]
  static let discoveryRole = "discovery-1"

  /// - Parameter status: the first of as many as there are roles; 0: any free ones.
  init(
    database: Int, redis: Int, nameServer: Int, clamd: Int, rspamd: Int, status: Int,
    mailboxes: PrivateDovecot.Ports? = nil
  ) {
    self.mailboxes = mailboxes
    self.clamd = clamd
    self.rspamd = rspamd
    self.database = database
    self.redis = redis
    self.nameServer = nameServer
    let roles = Self.roles + (mailboxes == nil ? [] : [Self.discoveryRole])
    let given = [database, redis, nameServer, clamd, rspamd, mailboxes?.imap, mailboxes?.pop3, mailboxes?.lmtp]
    func free() -> Int {
      while true {
        let port = LoopbackPort.free()
        if !given.contains(port) { return port }
      }
    }
    self.status = roles.enumerated().map { ($1, status == 0 ? free() : status + $0) }
  }
}

/// The files that the development node writes at each start.
struct DevFiles: Sendable {
  let layout: DevLayout
  let ports: DevPorts
  let secrets: DevSecrets

  var database: PrivatePostgres {
    PrivatePostgres(
      directory: layout.path("postgres"), port: ports.database, password: secrets.database, user: layout.user)
  }

  var redis: PrivateRedis {
    PrivateRedis(directory: layout.path("redis"), port: ports.redis, password: secrets.redis, user: layout.user)
  }

  var nameServer: PrivateNameServer {
    PrivateNameServer(directory: layout.path("nsd"), port: ports.nameServer, user: layout.user)
  }

  /// nil: it is not installed.
  var clamd: PrivateClamd? {
    let clamd = PrivateClamd(directory: layout.path("clamd"), port: ports.clamd, user: layout.user)
    return clamd.isInstalled ? clamd : nil
  }

  /// nil: it is not installed.
  var rspamd: PrivateRspamd? {
    let rspamd = PrivateRspamd(directory: layout.path("rspamd"), port: ports.rspamd, user: layout.user)
    return rspamd.isInstalled ? rspamd : nil
  }

  /// nil: no mailboxes are kept.
  var dovecot: PrivateDovecot? {
    ports.mailboxes.map { ports in
      PrivateDovecot(
        directory: layout.path("dovecot"), ports: ports,
        accounts: PrivateDovecot.Accounts(
          port: self.ports.database, database: "postrider", role: DevMailboxes.role,
          password: secrets.mailboxes ?? ""),
        certificate: layout.path("tls/server.pem"), key: layout.path("tls/server.key"), user: layout.user)
    }
  }

  var databaseURL: String { database.url(database: "postrider") }

  /// Keys, certificates, directories. What exists is kept.
  func prepare() throws {
    for name in ["tls", "keys", "sink", "spool"] {
      try PrivateDirectory.make(layout.path(name), owner: layout.user)
    }
    let names = ["localhost", "127.0.0.1", "::1", "mail.demo.example"]
    try CertificateMaker.ensure(directory: layout.path("tls"), names: names + DevDestinations.hosts.map(\.name))
    let masterKey = layout.path("keys/master.keys")
    if !FileManager.default.fileExists(atPath: masterKey) { try MasterKey.create(file: masterKey) }
    try PrivateDirectory.share(masterKey, with: layout.user)
    for name in try FileManager.default.contentsOfDirectory(atPath: layout.path("tls")) {
      try PrivateDirectory.give(layout.path("tls/\(name)"), to: layout.user)
    }
    try redis.prepare()
    try clamd?.prepare()
    try rspamd?.prepare()
    try dovecot?.prepare()
    try nameServer.prepare(zones: DevDestinations.zones)
    try PrivateDirectory.write(DevDestinations.script, to: layout.path("sink.yaml"), owner: layout.user)
    try PrivateDirectory.write(
      configuration { layout.path($0) }, to: layout.path(DevLayout.configuration), owner: layout.user)
    try PrivateDirectory.write(
      configuration { layout.visible($0) }, to: layout.path(layout.visibleConfiguration), owner: layout.user)
  }

  /// - Parameter path: where a file of ours is for the reader.
  private func configuration(_ path: (String) -> String) -> String {
    let loopback = ["127.0.0.1", "::1"].filter { LoopbackPort.hasAddress($0) }
    func listen(_ port: Int) -> String {
      loopback.map { "\"\(ListenAddress(host: $0, port: port))\"" }.joined(separator: ", ")
    }
    return """
      # Written by postrider dev at each start. Change settings with --set or POSTRIDER_… variables.
      node:
        name: mail.demo.example
      database:
        url: "\(databaseURL)"
      redis:
        url: "\(redis.url)"
      keys:
        master_file: "\(path("keys/master.keys"))"
      spool:
        directory: "\(path("spool"))"
      smtp:
        hostname: localhost
        implicit_tls:
          listen: [\(listen(2_465))]
        starttls:
          listen: [\(listen(2_587))]
        certificate_file: "\(path("tls/server.pem"))"
        key_file: "\(path("tls/server.key"))"
      delivery:
        # The sink's port. The real one is 25.
        port: \(DevPorts.delivery)
        # The demo's destinations are on loopback, where no real mail server is.
        allow_networks: ["127.0.0.0/8"]
        ca_file: "\(path("tls/ca.pem"))"
      dns:
        servers: ["127.0.0.1:\(ports.nameServer)"]
      \(scanning)
      \(mailboxes(discovery: listen(DevPorts.discovery)))

      """
  }

  /// What is kept, and what mail programs are told about it.
  /// - Parameter discovery: where they ask.
  private func mailboxes(discovery: String) -> String {
    guard let ports = ports.mailboxes else { return "" }
    return """
      mailboxes:
        lmtp: "127.0.0.1:\(ports.lmtp)"
      discovery:
        http:
          listen: [\(discovery)]
        submission:
          implicit_tls_port: 2465
          starttls_port: 2587
        imap:
          hostname: localhost
          port: \(ports.imap)
        pop3:
          hostname: localhost
          port: \(ports.pop3)
      """
  }

  private var scanning: String {
    let lines = [clamd.map { "clamd: \"127.0.0.1:\($0.port)\"" }, rspamd.map { "rspamd: \"\($0.url)\"" }]
    return lines.contains { $0 != nil } ? "scanning: {\(lines.compactMap(\.self).joined(separator: ", "))}" : ""
  }

  /// What other programs need to know, as shell variables.
  /// - Parameter discovery: where mail programs ask; nil: nowhere.
  func writeEnvironment(implicitPort: Int, startTLSPort: Int, discovery: String?) throws {
    var variables = [
      ("SMTP_HOST", "localhost"), ("SMTP_IMPLICIT_PORT", "\(implicitPort)"), ("SMTP_STARTTLS_PORT", "\(startTLSPort)"),
      ("SMTP_USER", DevDestinations.login), ("SMTP_PASS", secrets.submission), ("SMTP_TO", DevDestinations.recipient),
      ("SMTP_CAFILE", layout.path("tls/ca.pem")), ("SINK_DIR", layout.path("sink")), ("DATABASE_URL", databaseURL),
      ("REDIS_URL", redis.url), ("POSTRIDER_CONFIG", layout.path(DevLayout.configuration)),
    ]
    if let mailboxes = ports.mailboxes {
      variables += [("IMAP_PORT", "\(mailboxes.imap)"), ("POP3_PORT", "\(mailboxes.pop3)")]
    }
    if let discovery { variables.append(("DISCOVERY_URL", discovery)) }
    let text = variables.map { "export \($0.0)='\($0.1)'\n" }.joined()
    try PrivateDirectory.write(text, to: layout.path("env.sh"), owner: nil)
  }
}
