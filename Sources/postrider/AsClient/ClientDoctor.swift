internal import ArgumentParser
internal import DNS
internal import Foundation
internal import NIOPosix
internal import Settings
internal import TLS

/// `postrider doctor --as-client HOST`.
struct ClientDoctor {
  let common: CommonOptions
  let options: ClientOptions
  let host: String

  /// Of the longest name of a check, with an address behind it or without.
  private static let width = 24

  private struct Record: Encodable {
    var status: Finding.Status
    var host: String
    var ports: [ClientWalk.Outcome]
    var checks: [Finding]
  }

  func run() async throws {
    let plan = try options.plan(host)
    // The machine's own settings are a node's and not looked at; --set may name other name servers.
    let settings = try Settings.load(file: common.config, environment: [:], overrides: common.overrides)
    let resolver: DNSResolver
    let tls: TLSContext
    do {
      resolver = try DNSResolver(
        DNSConfiguration(servers: settings.dns.servers, timeout: min(settings.dns.timeout, plan.limit)))
      tls = try TLSContext.client(trustedCertificatesFile: options.authorityFile)
    } catch {
      throw CommandFailure(.usage, "\(error)")
    }
    defer { resolver.shutdown() }
    let asJSON = common.json
    var walk = ClientWalk(plan: plan, resolver: resolver, tls: tls, group: MultiThreadedEventLoopGroup.singleton) {
      if !asJSON { Self.print($0.text(width: Self.width)) }
    }
    await walk.run()
    if asJSON {
      try JSONOutput.print(
        Record(status: walk.findings.status, host: host, ports: walk.outcomes, checks: walk.findings))
    } else {
      Self.print("\n\(walk.findings.counts)\n\(walk.summary)\n")
    }
    if walk.findings.status == .failed { throw ExitCode(ExitStatus.unhealthy.rawValue) }
  }

  /// At once: whoever waits for a step wants to see which one it is.
  private static func print(_ text: String) {
    FileHandle.standardOutput.write(Data(text.utf8))
  }
}
