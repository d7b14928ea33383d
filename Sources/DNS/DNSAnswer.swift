/// What a look-up found out.
///
/// The three negative answers differ in what they mean for mail: the first two are facts about the
/// domain, the last one says that nothing is known yet.
package enum DNSAnswer<Value: Sendable>: Sendable {
  /// At least one record. `secure`: DNSSEC proved it.
  case found(Value, secure: Bool)
  /// The name exists, records of this type do not.
  case noData
  /// NXDOMAIN, or a text that cannot be a domain name.
  case noSuchDomain
  /// SERVFAIL, bogus DNSSEC, time-out, too many look-ups at once, cancelled: temporary. The text says which.
  case failed(String)

  /// The same answer with another value; `nil` from `transform` means that nothing usable was in it.
  package func map<Other: Sendable>(_ transform: (Value) -> Other?) -> DNSAnswer<Other> {
    switch self {
    case .found(let value, let secure):
      if let other = transform(value) { .found(other, secure: secure) } else { .failed("malformed answer") }
    case .noData: .noData
    case .noSuchDomain: .noSuchDomain
    case .failed(let why): .failed(why)
    }
  }
}

extension DNSAnswer: Equatable where Value: Equatable {}

/// One MX record.
package struct MXRecord: Sendable, Hashable {
  package let preference: UInt16
  /// Without the dot at the end; empty for the root (`MX 0 .`, RFC 7505). Bytes that no host name has are
  /// written as `\DDD`, and such a name is never looked up.
  package let exchange: String

  package init(preference: UInt16, exchange: String) {
    self.preference = preference
    self.exchange = exchange
  }
}

/// What routing asks of a resolver.
package protocol MailResolving: Sendable {
  /// The MX records in the order of the answer.
  func mailExchangers(of domain: String) async -> DNSAnswer<[MXRecord]>
  /// A and AAAA records, IPv4 first.
  func addresses(of host: String) async -> DNSAnswer<[IPAddress]>
}
