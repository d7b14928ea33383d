import ArgumentParser
import Foundation
import Observability
import Settings
import Supervision

/// `postrider dev`: everything on this machine, for nothing but a directory.
struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Runs a whole node with its own PostgreSQL, Redis, name server, scanners and mail destinations.",
    discussion: """
      All of it listens on loopback and keeps its data in one directory, which a second start uses again.
      Settings come from the directory's postrider.yaml, POSTRIDER_… variables and --set, as for every role.
      """,
    subcommands: [DevReset.self, DevPostgresSettings.self])

  @OptionGroup var place: DevPlace

  @Option(name: .customLong("set"), help: "A setting for all roles, as key=value; may be given often.")
  var overrides: [String] = []

  @Option(help: "Port of the private PostgreSQL.")
  var databasePort = 25_432

  @Option(help: "Port of the private Redis.")
  var redisPort = 26_379

  @Option(name: .customLong("dns-port"), help: "Port of the private name server.")
  var nameServerPort = 25_353

  @Option(help: "Port of the private clamd, if it is installed.")
  var clamdPort = 23_310

  @Option(help: "Port of the private rspamd, if it is installed.")
  var rspamdPort = 21_333

  @Flag(
    help:
      "Keep the mailboxes of the demo's domain, too, in a Dovecot, serve them over IMAP and POP3, and tell mail programs."
  )
  var mailboxes = false

  @Option(help: "Port of IMAP over TLS, with --mailboxes.")
  var imapPort = 2_993

  @Option(help: "Port of POP3 over TLS, with --mailboxes.")
  var pop3Port = 2_995

  @Option(help: "Port on which Dovecot takes mail, with --mailboxes.")
  var lmtpPort = 2_024

  @Option(
    help: "First of the ports for the roles' health and metrics: five, with --mailboxes six; 0 takes any free ones.")
  var statusPort = 9_641

  @Flag(help: "Send one message, wait for its delivery, show its trace, and stop.")
  var once = false

  func run() async throws {
    do {
      try await runNode()
    } catch let failure as DevFailure {
      complain(failure.description)
      throw ExitCode.failure
    } catch is CancellationError {
      throw ExitCode.failure
    } catch {
      complain("\(error)")
      throw ExitCode.failure
    }
  }

  private func runNode() async throws {
    let layout = try DevLayout(root: place.directory)
    let lock = try SupervisorLock(layout.path("lock"))
    let left = try await Leftovers.end(in: layout.path("run"))
    if !left.isEmpty { say("ended what an earlier run had left alive: \(left.joined(separator: ", "))") }
    let ports = DevPorts(
      database: databasePort, redis: redisPort, nameServer: nameServerPort, clamd: clamdPort, rspamd: rspamdPort,
      status: statusPort,
      mailboxes: mailboxes ? PrivateDovecot.Ports(imap: imapPort, pop3: pop3Port, lmtp: lmtpPort) : nil)
    let node = try await DevNode(layout: layout, ports: ports, overrides: overrides)
    let signals = TerminationSignals()
    try await node.start(stoppingAt: signals)
    if once {
      let result = await Result { try await DevTrial(node: node).run(stoppingAt: signals) }
      await node.stop()
      try result.get()
      say("everything is stopped; the message went all the way")
    } else {
      node.printWelcome()
      await signals.wait()
      say("stopping; once more and it stops at once")
      await node.stop(atOnceAt: signals)
      say("stopped; the data is kept in \(layout.shownRoot) (postrider dev reset forgets it)")
    }
    withExtendedLifetime(lock) {}
  }
}

/// Where `postrider dev` lives.
struct DevPlace: ParsableArguments {
  @Option(help: "Directory for everything that is made.")
  var directory = "var/dev"
}

/// `postrider dev reset`.
struct DevReset: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Forgets the development node: its database with all queued mail, keys, logs.")

  @OptionGroup var place: DevPlace

  func run() async throws {
    guard FileManager.default.fileExists(atPath: "\(place.directory)/\(DevLayout.marker)") else {
      say("there is nothing to forget in \(place.directory)")
      return
    }
    do {
      let lock = try SupervisorLock("\(place.directory)/lock")
      _ = try await Leftovers.end(in: "\(place.directory)/run")
      try FileManager.default.removeItem(atPath: place.directory)
      withExtendedLifetime(lock) {}
    } catch {
      complain("\(error)")
      throw ExitCode.failure
    }
    say("\(place.directory) is gone; the next postrider dev begins anew")
  }
}

/// Why the development node does not run, and what to do.
struct DevFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func say(_ text: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}

func complain(_ text: String) {
  try? FileHandle.standardError.write(contentsOf: Data(("postrider dev: " + text + "\n").utf8))
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
