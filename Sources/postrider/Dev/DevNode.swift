import Foundation
import Settings
import Supervision

/// The node with all its processes under one supervisor.
struct DevNode: Sendable {
  let layout: DevLayout
  let files: DevFiles
  let overrides: [String]
  let settings: Settings
  private let supervisor: Supervisor

  init(layout: DevLayout, ports: DevPorts, overrides: [String]) async throws {
    self.layout = layout
    self.overrides = overrides
    say("setting up \(layout.shownRoot)")
    if ports.mailboxes != nil { try DevMailboxes.check(layout) }
    let secrets = try DevSecrets.load(layout, withMailboxes: ports.mailboxes != nil)
    files = DevFiles(layout: layout, ports: ports, secrets: secrets)
    try files.prepare()
    if files.clamd == nil { say("clamd is not installed (Debian: clamav-daemon): nothing looks for malware") }
    if files.rspamd == nil { say("rspamd is not installed: nothing looks for spam") }
    settings = try Settings.load(
      file: layout.path(DevLayout.configuration), environment: ProcessInfo.processInfo.environment, overrides: overrides
    )
    try Self.checkPorts(files, settings)
    if !files.database.isInitialised {
      say("making a database\(layout.user.map { " (as user \($0.name))" } ?? "")")
      try await files.database.initialise()
    }
    supervisor = try Supervisor(
      DevProcesses(layout: layout, files: files, settings: settings, overrides: overrides).all(),
      directory: layout.root, report: { say($0) })
    try files.writeEnvironment(implicitPort: implicitPort, startTLSPort: startTLSPort, discovery: discovery)
  }

  var implicitPort: Int { settings.smtp.implicitTLS.listen.first?.port ?? 0 }
  var startTLSPort: Int { settings.smtp.startTLS.listen.first?.port ?? 0 }

  /// Where mail programs ask how to set themselves up; nil: there is no account that they could read.
  var discovery: String? {
    guard files.ports.mailboxes != nil else { return nil }
    return settings.discovery.http.listen.first.map { "http://\($0)" }
  }

  /// Brings everything up; a signal meanwhile brings it down again.
  func start(stoppingAt signals: TerminationSignals) async throws {
    let supervisor = supervisor
    let watcher = Task {
      await signals.wait()
      guard !Task.isCancelled else { return }
      await supervisor.stop()
    }
    defer { watcher.cancel() }
    try await supervisor.start()
  }

  func stop() async { await supervisor.stop() }

  /// Stops in order; at the second signal everything is killed.
  func stop(atOnceAt signals: TerminationSignals) async {
    let supervisor = supervisor
    let watcher = Task {
      await signals.wait(for: 2)
      guard !Task.isCancelled else { return }
      await supervisor.kill()
    }
    await supervisor.stop()
    watcher.cancel()
  }

  private static func checkPorts(_ files: DevFiles, _ settings: Settings) throws {
    let ports = files.ports
    var wanted: [(setting: String, host: String, port: Int)] = [
      ("--database-port", "127.0.0.1", ports.database), ("--redis-port", "127.0.0.1", ports.redis),
      ("--dns-port", "127.0.0.1", ports.nameServer),
    ]
    if files.clamd != nil { wanted.append(("--clamd-port", "127.0.0.1", ports.clamd)) }
    if files.rspamd != nil { wanted.append(("--rspamd-port", "127.0.0.1", ports.rspamd)) }
    if let mailboxes = ports.mailboxes {
      wanted += [
        ("--imap-port", "127.0.0.1", mailboxes.imap), ("--pop3-port", "127.0.0.1", mailboxes.pop3),
        ("--lmtp-port", "127.0.0.1", mailboxes.lmtp),
      ]
      let listeners = [("http", settings.discovery.http.listen), ("https", settings.discovery.https.listen)]
      wanted += listeners.flatMap { name, all in all.map { ("discovery.\(name).listen", $0.host, $0.port) } }
    }
    wanted += settings.smtp.implicitTLS.listen.map { ("smtp.implicit_tls.listen", $0.host, $0.port) }
    wanted += settings.smtp.startTLS.listen.map { ("smtp.starttls.listen", $0.host, $0.port) }
    wanted += DevDestinations.hosts.map { ("delivery.port", $0.address, settings.delivery.port) }
    // Last: who is named is the one to change, and these may have been chosen here.
    wanted += ports.status.map { ("--status-port", "127.0.0.1", $0.port) }
    let isTaken = { (host: String, port: Int) in
      !LoopbackPort.isFree(port, at: host)
        || (port == ports.nameServer && !LoopbackPort.isFree(port, at: host, udp: true))
    }
    var given: [String: String] = [:]
    for (setting, host, port) in wanted {
      let user: String
      if isTaken(host, port) {
        user = PortHolder.ofTCP(port).map { "\($0)" } ?? "another process"
      } else if let other = given.updateValue(setting, forKey: "\(host):\(port)") {
        user = other
      } else {
        continue
      }
      let remedy = setting.hasPrefix("--") ? setting : "--set \(setting)=…"
      throw DevFailure("port \(port) on \(host) is used by \(user); choose another with \(remedy)")
    }
  }
}
