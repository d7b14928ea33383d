internal import DNS
internal import Settings
internal import TLS

/// The server of the mailboxes: could a worker bring mail there?
struct MailboxChecks {
  let settings: Settings

  /// One for each of its addresses; nothing where no mailboxes are kept.
  func run() async -> [Finding] {
    guard let server = settings.mailboxes.lmtp else { return [] }
    do {
      let tls = try TLSContext.client(trustedCertificatesFile: settings.delivery.caFile)
      let addresses = try await addresses(of: server.host)
      var findings: [Finding] = []
      for address in addresses {
        let steps = LMTPSteps(server: server, address: address, settings: settings, tls: tls)
        let name = addresses.count == 1 ? "mailboxes" : "mailboxes \(address)"
        findings.append(await steps.run().finding(name))
      }
      return findings
    } catch let failure as Unknown {
      return [.failed("mailboxes", "\(server): \(failure.reason)", advice: failure.advice)]
    } catch {
      return [.failed("mailboxes", "\(error)", advice: "see dns.servers, dns.trust_anchor_file and delivery.ca_file")]
    }
  }

  private struct Unknown: Error {
    let reason: String
    let advice: String
  }

  /// As workers find it: by the DNS alone, without this machine's own tables.
  private func addresses(of host: String) async throws -> [IPAddress] {
    if let address = IPAddress(host) { return [address] }
    let resolver = try Node(settings, role: "doctor").resolver()
    defer { resolver.shutdown() }
    switch await resolver.addresses(of: host) {
    case .found(let addresses, _): return addresses
    case .noData, .noSuchDomain:
      throw Unknown(
        reason: "\(host) has no address in the DNS", advice: "mend mailboxes.lmtp; \(LMTPVerdict.consequence)")
    case .failed(let why):
      throw Unknown(
        reason: "\(host) cannot be looked up: \(why)",
        advice: "see dns.servers, or /etc/resolv.conf when it is empty; \(LMTPVerdict.consequence)")
    }
  }
}
