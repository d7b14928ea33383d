/// What the mail programs of one domain are told instead of what all others are.
package struct DiscoveryDomain: Sendable, Hashable {
  package enum Server: Sendable, Hashable {
    /// nil: the standard port.
    case at(host: String, port: Int?)
    /// There is none.
    case absent
  }

  /// In lower case and A-labels.
  package var domain: String
  /// nil: as for all; so with the others.
  package var displayName: String?
  package var submission: Server?
  package var imap: Server?
  package var pop3: Server?
}

private let known = ["domain", "display_name", "submission", "imap", "pop3"]
private let form = "a list of {domain, display_name, submission, imap, pop3}"

extension SettingType where Value == [DiscoveryDomain] {
  static var discoveryDomains: Self {
    Self(
      allowed: form, show: { "[" + $0.map(text).joined(separator: ", ") + "]" },
      parse: { raw throws(BadValue) in
        let value: RawValue
        if case .text(let text) = raw { value = try YAMLText.value(text, why: "write \(form)") } else { value = raw }
        guard case .list(let items) = value else { throw BadValue(why: "write \(form)") }
        var domains: [DiscoveryDomain] = []
        for (index, item) in items.enumerated() {
          guard case .mapping(let fields) = item else { throw BadValue(place: "[\(index)]", why: "write \(form)") }
          let entry = try domain(fields, place: "[\(index)]")
          guard !domains.contains(where: { $0.domain == entry.domain }) else {
            throw BadValue(place: "[\(index)].domain", value: entry.domain, why: "each domain once")
          }
          domains.append(entry)
        }
        return domains
      })
  }

  private static func text(_ domain: DiscoveryDomain) -> String {
    var fields = ["domain: \"\(domain.domain)\""]
    if let name = domain.displayName {
      fields.append("display_name: \"\(name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"")
    }
    for (name, server) in [("submission", domain.submission), ("imap", domain.imap), ("pop3", domain.pop3)] {
      switch server {
      case .at(let host, let port): fields.append("\(name): \"\(host)\(port.map { ":\($0)" } ?? "")\"")
      case .absent: fields.append("\(name): \"none\"")
      case nil: break
      }
    }
    return "{" + fields.joined(separator: ", ") + "}"
  }

  private static func domain(_ fields: [(key: String, value: RawValue)], place: String) throws(BadValue)
    -> DiscoveryDomain
  {
    var texts: [String: String] = [:]
    for (key, value) in fields {
      guard known.contains(key) else {
        let hint = nearest(to: key, among: known).map { "did you mean \($0)?" }
        throw BadValue(place: "\(place).\(key)", why: hint ?? "known are \(known.joined(separator: ", "))")
      }
      guard case .text(let text) = value else { throw BadValue(place: "\(place).\(key)", why: "write one value") }
      texts[key] = text
    }
    guard let name = texts["domain"]?.lowercased(), isHostName(name) else {
      throw BadValue(
        place: "\(place).domain", value: texts["domain"], why: "write a domain, in A-labels (xn--…) if it has other letters")
    }
    var entry = DiscoveryDomain(domain: name)
    if let label = texts["display_name"] {
      guard isLabel(label) else {
        throw BadValue(place: "\(place).display_name", value: label, why: "write \(SettingType<String>.label.allowed)")
      }
      entry.displayName = label
    }
    entry.submission = try server("submission", texts, place)
    if entry.submission == .absent {
      throw BadValue(place: "\(place).submission", value: "none", why: "an account needs a host to send by")
    }
    entry.imap = try server("imap", texts, place)
    entry.pop3 = try server("pop3", texts, place)
    return entry
  }

  private static func server(_ key: String, _ texts: [String: String], _ place: String) throws(BadValue)
    -> DiscoveryDomain.Server?
  {
    guard let text = texts[key] else { return nil }
    if text == "none" { return .absent }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let port = parts.count == 2 ? portNumber(parts[1], from: 1) : nil
    guard parts.count <= 2, isHostName(parts[0]), parts.count == 1 || port != nil else {
      throw BadValue(place: "\(place).\(key)", value: text, why: "write a host, host:port, or none")
    }
    return .at(host: parts[0], port: port)
  }
}

extension SettingType where Value == String {
  /// A few words for people.
  static var label: Self {
    Self("1 to 80 characters in one line", show: { $0 }, read: { isLabel($0) ? $0 : nil })
  }
}

func isLabel(_ text: String) -> Bool {
  (1...80).contains(text.unicodeScalars.count)
    && text.unicodeScalars.allSatisfy { ![.control, .format].contains($0.properties.generalCategory) }
    && !text.allSatisfy(\.isWhitespace)
}
