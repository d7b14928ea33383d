/// How much TLS a delivery wants.
package enum DeliveryTLS: String, Sendable, CaseIterable {
  /// STARTTLS when the other side offers it, whatever its certificate.
  case opportunistic
  /// Never.
  case none
  /// STARTTLS with a certificate that is valid for the host's name; no mail otherwise.
  case required
}

/// Whether the `Received` field tells the address that a message was submitted from.
package enum ClientAddressExposure: String, Sendable, CaseIterable { case hide, show }

/// What becomes of malformed messages.
package enum MessageChecks: String, Sendable, CaseIterable { case strict, repair, pass }

/// As whom clients without a login send.
package enum PlainSenders: String, Sendable, CaseIterable { case tenant, any }

/// Mail for a domain goes to a given host instead of the domain's MX.
package struct DeliveryRoute: Sendable, Hashable {
  /// A domain in lower case, or `*` for all others.
  package var domain: String
  /// A host name or an address.
  package var host: String
  package var port: Int
  package var tls: DeliveryTLS
  package var user: String?
  /// The file whose first line is the password.
  package var passwordFile: String?

  package init(
    domain: String, host: String, port: Int = 25, tls: DeliveryTLS = .opportunistic, user: String? = nil,
    passwordFile: String? = nil
  ) {
    self.domain = domain
    self.host = host
    self.port = port
    self.tls = tls
    self.user = user
    self.passwordFile = passwordFile
  }
}

extension SettingType where Value == [DeliveryRoute] {
  static var routes: Self {
    Self(
      allowed: "a list of {domain, host, port, tls, user, password_file}",
      show: { "[" + $0.map(Self.text).joined(separator: ", ") + "]" },
      parse: { raw throws(BadValue) in
        let why = "write a list of {domain, host, port, tls, user, password_file}"
        // The environment and --set carry YAML in one line.
        let value: RawValue
        if case .text(let text) = raw { value = try YAMLText.value(text, why: why) } else { value = raw }
        guard case .list(let items) = value else { throw BadValue(why: why) }
        var routes: [DeliveryRoute] = []
        for (index, item) in items.enumerated() {
          guard case .mapping(let fields) = item else { throw BadValue(place: "[\(index)]", why: why) }
          routes.append(try route(fields, place: "[\(index)]"))
        }
        return routes
      })
  }

  private static func text(_ route: DeliveryRoute) -> String {
    var fields = [
      "domain: \"\(route.domain)\"", "host: \"\(route.host)\"", "port: \(route.port)", "tls: \(route.tls.rawValue)",
    ]
    if let user = route.user { fields.append("user: \"\(user)\"") }
    if let file = route.passwordFile { fields.append("password_file: \"\(file)\"") }
    return "{" + fields.joined(separator: ", ") + "}"
  }

  private static func route(_ fields: [(key: String, value: RawValue)], place: String) throws(BadValue) -> DeliveryRoute
  {
    let known = ["domain", "host", "port", "tls", "user", "password_file"]
    var texts: [String: String] = [:]
    for (key, value) in fields {
      guard known.contains(key) else {
        let hint = nearest(to: key, among: known).map { "did you mean \($0)?" }
        throw BadValue(place: "\(place).\(key)", why: hint ?? "known are \(known.joined(separator: ", "))")
      }
      guard case .text(let text) = value else { throw BadValue(place: "\(place).\(key)", why: "write one value") }
      texts[key] = text
    }
    func bad(_ key: String, _ why: String) -> BadValue {
      BadValue(place: "\(place).\(key)", value: texts[key], why: why)
    }
    guard let domain = texts["domain"]?.lowercased(),
      domain == "*" || isHostName(domain) || domain.utf8.contains(where: { $0 >= 0x80 })
    else { throw bad("domain", "write a domain, or \"*\" for all") }
    guard let host = texts["host"], isHostName(host) || isIPv4(host) || isIPv6(host) else {
      throw bad("host", "write a host name or an address")
    }
    guard let port = portNumber(texts["port"] ?? "25", from: 1) else {
      throw bad("port", "write a number from 1 to 65535")
    }
    guard let tls = DeliveryTLS(rawValue: texts["tls"] ?? "opportunistic") else {
      throw bad("tls", "write \(DeliveryTLS.allCases.map(\.rawValue).joined(separator: "|"))")
    }
    guard (texts["user"] == nil) == (texts["password_file"] == nil) else {
      throw bad("user", "user and password_file go together")
    }
    // A login over TLS that anybody could answer would hand out the password.
    guard texts["user"] == nil || tls == .required else { throw bad("tls", "a route with a user needs tls: required") }
    return DeliveryRoute(
      domain: domain, host: host, port: port, tls: tls, user: texts["user"], passwordFile: texts["password_file"])
  }
}
