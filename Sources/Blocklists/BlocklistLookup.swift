package import DNS

/// Asks block lists.
package struct BlocklistLookup: Sendable {
  package enum Answer: Sendable, Hashable {
    /// With the list's own words, on one line of ASCII; empty when it has none.
    case listed(String)
    case notListed
    /// Nothing is known: no answer, or one that no list gives.
    case unknown(String)
  }

  private let resolver: DNSResolver

  package init(_ resolver: DNSResolver) { self.resolver = resolver }

  /// Ends within the resolver's time limit for each of at most three questions.
  package func answer(of list: Blocklist, about address: IPAddress) async -> Answer {
    switch await entry(list, address) {
    case .notListed: return .notListed
    case .unknown(let why): return .unknown(why)
    case .listed: break
    }
    // Whoever lists everything, as a zone may that has been given up, lists this too.
    switch await entry(list, Blocklist.testEntries(address.family).absent) {
    case .listed: return .unknown("it lists \(Blocklist.testEntries(address.family).absent), so it lists everything")
    case .unknown(let why): return .unknown(why)
    case .notListed: return .listed(await words(list, address))
    }
  }

  /// Whether a list answers as it must for IPv4 addresses.
  /// - Returns: what is wrong; nil: nothing.
  package func fault(of list: Blocklist) async -> String? {
    let (present, absent) = Blocklist.testEntries(.v4)
    if case .listed = await entry(list, absent) { return "it lists \(absent), so it lists everything" }
    switch await entry(list, present) {
    case .listed: return nil
    case .notListed: return "it does not list \(present), as every list must: it is none, or knows nobody"
    case .unknown(let why): return why
    }
  }

  private func entry(_ list: Blocklist, _ address: IPAddress) async -> Answer {
    switch await resolver.ipv4Addresses(of: list.name(of: address)) {
    case .found(let codes, _):
      if let error = codes.first(where: Self.isError) { return .unknown("it refuses to answer us (\(error))") }
      // Anything else is a resolver that invents answers, or a zone that is for sale.
      guard codes.allSatisfy({ $0.low >> 24 == 127 }) else { return .unknown("it answers outside of 127.0.0.0/8") }
      return .listed("")
    case .noData, .noSuchDomain: return .notListed
    case .failed(let why): return .unknown(why)
    }
  }

  /// How the large lists say that we ask too much, or through a resolver that they do not serve.
  private static func isError(_ code: IPAddress) -> Bool { code.low >> 8 == 0x7FFFFF }

  private func words(_ list: Blocklist, _ address: IPAddress) async -> String {
    guard case .found(let texts, _) = await resolver.texts(of: list.name(of: address)), let text = texts.first else {
      return ""
    }
    let shown = text.prefix(200).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self)
  }
}
