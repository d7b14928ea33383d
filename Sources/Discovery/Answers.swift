/// A request, as far as it matters.
package struct DiscoveryRequest: Sendable {
  package enum Method: Sendable { case get, post, other }

  package var method: Method
  /// As it came, before the `?`.
  package var path: String
  /// As it came, behind the `?`.
  package var query: String
  /// From the `Host` field, without a port.
  package var host: String?
  package var body: [UInt8]

  package init(_ method: Method, _ target: String, host: String? = nil, body: [UInt8] = []) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    self.method = method
    path = parts.first ?? ""
    query = parts.count > 1 ? parts[1] : ""
    self.host = host
    self.body = body
  }
}

/// What is said to a request.
package struct DiscoveryAnswer: Sendable, Hashable {
  package enum Kind: Sendable, Hashable { case autoconfig, autodiscover, profile, refused }

  package var kind: Kind
  /// An HTTP status code.
  package var status: Int
  package var type: String
  package var body: [UInt8]
  /// `Allow`, `Location` and the like.
  package var fields: [String: String] = [:]
  /// It is to be signed before it goes out.
  package var wantsSignature = false

  init(_ kind: Kind, status: Int = 200, type: String, _ text: String) {
    self.kind = kind
    self.status = status
    self.type = type
    body = Array(text.utf8)
  }

  static func refusal(_ status: Int, _ text: String) -> Self {
    Self(.refused, status: status, type: "text/plain; charset=utf-8", text + "\n")
  }
}

/// Everything that can be asked, without a socket.
package struct Answers: Sendable {
  private static let xml = "text/xml; charset=utf-8"
  private static let json = "application/json"
  private static let hint = "the query must be emailaddress=… with the address that is set up"

  private let services: MailServices

  package init(_ services: MailServices) { self.services = services }

  package func answer(_ request: DiscoveryRequest) -> DiscoveryAnswer {
    // Programs do not agree on the case of these paths.
    let path = request.path.lowercased()
    switch path {
    case "/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml":
      return reading(request) { autoconfig(request) }
    case "/mail/account.mobileconfig": return reading(request) { profile(request) }
    case "/autodiscover/autodiscover.xml": return autodiscover(request)
    case "/autodiscover/autodiscover.json": return reading(request) { location(request, nil) }
    default:
      // The address is in the path as it came: its case is its owner's.
      let prefix = "/autodiscover/autodiscover.json/v1.0/"
      guard path.hasPrefix(prefix) else { return .refusal(404, "there is nothing here") }
      return reading(request) { location(request, String(request.path.dropFirst(prefix.count))) }
    }
  }

  private func reading(_ request: DiscoveryRequest, _ answer: () -> DiscoveryAnswer) -> DiscoveryAnswer {
    request.method == .get ? answer() : notAllowed("GET, HEAD")
  }

  private func notAllowed(_ methods: String) -> DiscoveryAnswer {
    var answer = DiscoveryAnswer.refusal(405, "only \(methods)")
    answer.fields["Allow"] = methods
    return answer
  }

  // MARK: Autoconfig and profile

  private func autoconfig(_ request: DiscoveryRequest) -> DiscoveryAnswer {
    let text = Query.value("emailaddress", in: request.query)
    // Some send the placeholder itself.
    let address = text.flatMap { AccountAddress($0) }
    if let text, !text.isEmpty, !text.hasPrefix("%"), address == nil { return .refusal(400, Self.hint) }
    guard let domain = address?.domain ?? domain(of: request.host) else { return .refusal(400, Self.hint) }
    return DiscoveryAnswer(
      .autoconfig, type: Self.xml, Autoconfig.document(services.service(of: domain), domain: domain))
  }

  /// `autoconfig.example.com` is asked about example.com, and so is example.com.
  private func domain(of host: String?) -> String? {
    guard let host = host.flatMap(mailDomain), host != services.host else { return nil }
    let prefix = "autoconfig."
    return host.hasPrefix(prefix) ? mailDomain(String(host.dropFirst(prefix.count))) : host
  }

  private func profile(_ request: DiscoveryRequest) -> DiscoveryAnswer {
    guard let address = Query.value("emailaddress", in: request.query).flatMap({ AccountAddress($0) }) else {
      return .refusal(400, Self.hint)
    }
    guard let text = AppleProfile.document(services.service(of: address.domain), for: address) else {
      return .refusal(404, "there is no server to read mail from, which such an account needs")
    }
    var answer = DiscoveryAnswer(.profile, type: "application/x-apple-aspen-config", text)
    answer.fields["Content-Disposition"] = "attachment; filename=\"\(address.domain).mobileconfig\""
    answer.wantsSignature = true
    return answer
  }

  // MARK: Autodiscover

  private func autodiscover(_ request: DiscoveryRequest) -> DiscoveryAnswer {
    switch request.method {
    case .other: return notAllowed("POST")
    case .get:
      // A program that has found only the plain listener asks where the other one is ([MS-OXDISCO] §3.1.5.3).
      guard let host = services.host, request.host?.lowercased() != host else { return notAllowed("POST") }
      var answer = DiscoveryAnswer.refusal(302, "see https://\(host)/autodiscover/autodiscover.xml")
      answer.fields["Location"] = "https://\(host)/autodiscover/autodiscover.xml"
      return answer
    case .post:
      do throws(AutodiscoverError) {
        let address = try AutodiscoverRequest(request.body).address
        let service = services.service(of: address.domain)
        return DiscoveryAnswer(.autodiscover, type: Self.xml, Autodiscover.document(service, for: address))
      } catch {
        // Such an error is a document that was found.
        return DiscoveryAnswer(.refused, type: Self.xml, Autodiscover.document(error))
      }
    }
  }

  private func location(_ request: DiscoveryRequest, _ encoded: String?) -> DiscoveryAnswer {
    let text = encoded.map(Query.decoded) ?? Query.value("email", in: request.query)
    guard let address = text.flatMap({ AccountAddress($0) }) else {
      return DiscoveryAnswer(.refused, status: 400, type: Self.json, Autodiscover.invalidAddress)
    }
    guard Query.value("protocol", in: request.query)?.lowercased() == "autodiscoverv1" else {
      return DiscoveryAnswer(.refused, status: 400, type: Self.json, Autodiscover.unknownProtocol)
    }
    let host = services.host ?? "autodiscover.\(address.domain)"
    return DiscoveryAnswer(.autodiscover, type: Self.json, Autodiscover.location(host: host))
  }
}
