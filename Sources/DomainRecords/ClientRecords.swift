/// Where a domain's people send and read their mail, as records say it.
package struct ClientServices: Sendable, Hashable {
  /// A host and its port.
  package struct Server: Sendable, Hashable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }
  }

  /// TLS from the first byte, and STARTTLS.
  package var submissions: Server?
  package var submission: Server?
  package var imaps: Server?
  package var pop3s: Server?
  /// Where mail programs ask over HTTP.
  package var discovery: String?

  package init() {}
}

/// Records by which mail programs find their servers (RFC 6186, RFC 8314 §5.1), and autoconfig's and autodiscover's names.
///
/// They are suggestions: mail is believed without them, so nobody is told that one is missing.
package enum ClientRecords {
  package static func findings(_ domain: String, _ services: ClientServices) -> [RecordFinding] {
    // A program that supports both takes the one with the lower priority.
    let servers: [(label: String, priority: Int, server: ClientServices.Server?)] = [
      ("_submissions", 0, services.submissions), ("_submission", 10, services.submission),
      ("_imaps", 0, services.imaps),
      ("_pop3s", 10, services.pop3s),
    ]
    guard servers.contains(where: { $0.server != nil }) else { return [] }
    var findings = servers.compactMap { label, priority, server in
      server.map { record("\(label)._tcp.\(domain)", "SRV", "\(priority) 1 \($0.port) \($0.host)") }
    }
    // Without TLS from the first byte there is nothing to read by: a root as target says so (RFC 2782).
    findings += ["_imap", "_pop3"].map { record("\($0)._tcp.\(domain)", "SRV", "0 0 0 .") }
    if let host = services.discovery {
      // Where discovery itself has one of these names, it needs no other.
      let names = ["autoconfig.\(domain)", "autodiscover.\(domain)"].filter { $0 != host }
      findings += names.map { record($0, "CNAME", host) }
      findings.append(record("_autodiscover._tcp.\(domain)", "SRV", "0 1 443 \(host)"))
    }
    return findings
  }

  private static func record(_ name: String, _ type: String, _ wanted: String) -> RecordFinding {
    RecordFinding(.client, name, type: type, wanted: wanted, .unknown, "mail programs find their servers by it")
  }
}
