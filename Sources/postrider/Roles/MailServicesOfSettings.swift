internal import Discovery
internal import DomainRecords
internal import Settings

extension Settings {
  /// What mail programs are told.
  var mailServices: MailServices {
    let standard = MailService(
      name: self.discovery.displayName, submission: submission(at: self.discovery.submission.hostname, port: nil),
      imap: self.discovery.imap.hostname.map { secure($0, self.discovery.imap.port) },
      pop3: self.discovery.pop3.hostname.map { secure($0, self.discovery.pop3.port) })
    let own = self.discovery.domains.map { domain in
      (
        domain.domain,
        MailService(
          name: domain.displayName ?? standard.name, submission: submission(domain.submission) ?? standard.submission,
          imap: reading(domain.imap, self.discovery.imap.port, otherwise: standard.imap),
          pop3: reading(domain.pop3, self.discovery.pop3.port, otherwise: standard.pop3))
      )
    }
    return MailServices(
      standard: standard, byDomain: Dictionary(uniqueKeysWithValues: own), host: self.discovery.hostname?.lowercased())
  }

  /// - Parameter port: nil: those of all.
  private func submission(at host: String, port: Int?) -> [MailEndpoint] {
    let (implicit, startTLS) = (self.discovery.submission.implicitTLSPort, self.discovery.submission.startTLSPort)
    // Nobody says which kind a port of one's own is; STARTTLS is where it is known to be, here or everywhere.
    if let port {
      let isStartTLS = port == startTLS || port != implicit && [25, 587].contains(port)
      return [MailEndpoint(host: host, port: port, security: isStartTLS ? .startTLS : .implicitTLS)]
    }
    return [(implicit, MailEndpoint.Security.implicitTLS), (startTLS, .startTLS)].filter { $0.0 != 0 }.map {
      MailEndpoint(host: host, port: $0.0, security: $0.1)
    }
  }

  private func submission(_ server: DiscoveryDomain.Server?) -> [MailEndpoint]? {
    guard case .at(let host, let port)? = server else { return nil }
    return submission(at: host, port: port)
  }

  private func reading(_ server: DiscoveryDomain.Server?, _ standard: Int, otherwise: MailEndpoint?) -> MailEndpoint? {
    switch server {
    case .at(let host, let port)?: secure(host, port ?? standard)
    case .absent?: nil
    case nil: otherwise
    }
  }

  private func secure(_ host: String, _ port: Int) -> MailEndpoint {
    MailEndpoint(host: host, port: port, security: .implicitTLS)
  }
}

extension MailServices {
  /// The same as records say it. Nothing without a server to read mail from: such an account no program sets up.
  func clientServices(of domain: String) -> ClientServices {
    var services = ClientServices()
    let service = service(of: domain)
    guard service.imap != nil || service.pop3 != nil else { return services }
    func server(_ endpoint: MailEndpoint?) -> ClientServices.Server? {
      endpoint.map { ClientServices.Server(host: $0.host, port: $0.port) }
    }
    services.submissions = server(service.submission.first { $0.security == .implicitTLS })
    services.submission = server(service.submission.first { $0.security == .startTLS })
    services.imaps = server(service.imap)
    services.pop3s = server(service.pop3)
    services.discovery = host
    return services
  }
}
