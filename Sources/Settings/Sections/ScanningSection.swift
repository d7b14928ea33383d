package struct ScanningSection: SettingSection {
  package let prefix = "scanning"
  package let title = "Malware and spam"

  package let clamd = Setting(
    "scanning.clamd", .optional(.service), default: nil,
    "Where clamd listens, which looks for malware; empty: nobody does. It must take streams (`StreamMaxLength`) of "
      + "`smtp.message_size_max` and a little more.")
  package let rspamd = Setting(
    "scanning.rspamd", .optional(.url(["http", "https", "http+unix"], example: "http://127.0.0.1:11333")), default: nil,
    "A normal worker of rspamd, which looks for spam; empty: nobody does. Its `max_message` must be above "
      + "`smtp.message_size_max`.")
  package let malware = Setting(
    "scanning.malware", .choice(ContentTreatment.self), default: .reject,
    "What is done with malware: `reject` refuses it, `hold` queues it for a person to release or cancel, `tag` says so "
      + "in the header, `off` does not look. Tenants may have their own.")
  package let spam = Setting(
    "scanning.spam", .choice(ContentTreatment.self), default: .reject,
    "The same for spam. Tenants may have their own.")
  package let spamScore = Setting(
    "scanning.spam_score", .optional(.number(0...1000)), default: nil,
    "From which score on a message is spam; empty: when rspamd would reject it. Tenants may have their own.")
  package let tagScore = Setting(
    "scanning.tag_score", .optional(.number(0...1000)), default: nil,
    "From which score on a message goes on with `X-Spam-Flag: YES`; empty: when rspamd would add a header. Tenants may "
      + "have their own.")
  package let whenDown = Setting(
    "scanning.when_down", .choice(ScannerAbsence.self), default: .refuse,
    "What is done with a message that a scanner did not look at because it is down, slow or makes no sense: `refuse` "
      + "lets the client come again (451), `accept` queues it and says so in the header.")
  package let timeout = Setting(
    "scanning.timeout", .duration(.milliseconds(100) ... .seconds(300)), default: .seconds(30),
    "How long all scanners together may take for a message, the wait for a turn included. Clients wait for it.")
  package let atOnceMax = Setting(
    "scanning.at_once_max", .count(1...1000), default: 16,
    "Messages that each scanner is asked about at once, in one process; further ones wait.")
  package let cacheTime = Setting(
    "scanning.cache_time", .duration(.zero ... .seconds(86400)), default: .seconds(300),
    "For how long a verdict counts for the same content, so that a mailing to many is looked at once; 0 turns it off.")
  package let cacheMax = Setting(
    "scanning.cache_max", .count(1...10_000_000), default: 10_000, "Contents that are remembered at once.")
}

/// What is done with a message in which a scanner has found something.
package enum ContentTreatment: String, Sendable, CaseIterable { case reject, hold, tag, off }

/// What is done with a message that a scanner did not look at.
package enum ScannerAbsence: String, Sendable, CaseIterable { case refuse, accept }

/// Where a service listens: on a host's port, or on a UNIX socket.
package enum ServiceAddress: Sendable, Hashable, CustomStringConvertible {
  case network(host: String, port: Int)
  case file(String)

  package var description: String {
    switch self {
    case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .file(let path): path
    }
  }

  init?(_ text: String) {
    if text.hasPrefix("/") {
      // sockaddr_un has room for no more.
      guard text.utf8.count <= 107, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
      self = .file(text)
      return
    }
    if let address = ListenAddress(text), address.port > 0 {
      self = .network(host: address.host, port: address.port)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, isHostName(String(parts[0])), let port = portNumber(parts[1], from: 1) else { return nil }
    self = .network(host: String(parts[0]), port: port)
  }
}

extension SettingType where Value == ServiceAddress {
  static var service: Self {
    Self(
      "host:port or the path of a UNIX socket, for example 127.0.0.1:3310 or /run/clamav/clamd.ctl",
      show: \.description, read: { ServiceAddress($0) })
  }
}
