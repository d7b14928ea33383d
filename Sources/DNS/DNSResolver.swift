/// Looks names up with libunbound: cache, CNAMEs, DNSSEC when a trust anchor is configured.
///
/// Guarantees: every look-up ends within its time limit; cancelling the task ends it at once; a bounded number is
/// under way; whatever a name server sends, the outcome is a value. `shutdown` ends what is under way as failed.
package final class DNSResolver: MailResolving {
  private let thread: ResolverThread

  package init(_ configuration: DNSConfiguration) throws(DNSFault) {
    thread = try ResolverThread.start(configuration)
  }

  deinit { thread.stop() }

  package func mailExchangers(of domain: String) async -> DNSAnswer<[MXRecord]> {
    await records(.mx, of: domain, DNSWire.mx)
  }

  /// A and AAAA at the same time. One family's addresses are enough; without any, a failure of either is a failure.
  package func addresses(of host: String) async -> DNSAnswer<[IPAddress]> {
    async let six = records(.aaaa, of: host) { DNSWire.address($0, family: .v6) }
    let four = await records(.a, of: host) { DNSWire.address($0, family: .v4) }
    switch (four, await six) {
    case (.found(let a, let aSecure), .found(let b, let bSecure)): return .found(a + b, secure: aSecure && bSecure)
    case (.found(let a, let secure), _), (_, .found(let a, let secure)): return .found(a, secure: secure)
    case (.noSuchDomain, _), (_, .noSuchDomain): return .noSuchDomain
    case (.failed(let why), _), (_, .failed(let why)): return .failed(why)
    case (.noData, .noData): return .noData
    }
  }

  /// A records alone: what a block list answers with (RFC 5782 §2.1).
  package func ipv4Addresses(of name: String) async -> DNSAnswer<[IPAddress]> {
    await records(.a, of: name) { DNSWire.address($0, family: .v4) }
  }

  /// The character-strings of each TXT record, joined.
  package func texts(of name: String) async -> DNSAnswer<[[UInt8]]> {
    await records(.txt, of: name, DNSWire.text)
  }

  /// Ends the resolver's thread; look-ups under way and later ones fail.
  package func shutdown() { thread.stop() }

  private func records<Value: Sendable>(
    _ type: RecordType, of name: String, _ parse: (UnsafeRawBufferPointer) -> Value?
  ) async -> DNSAnswer<[Value]> {
    guard let name = DomainName.ascii(name) else { return .noSuchDomain }
    return await thread.lookUp(name, type).map { set in
      let values = set.records.compactMap { record in record.withUnsafeBytes { parse($0) } }
      return values.count == set.records.count ? values : nil
    }
  }
}
