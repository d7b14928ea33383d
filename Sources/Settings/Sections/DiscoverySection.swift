package struct DiscoverySection: SettingSection {
  package let prefix = "discovery"
  package let title = "Mail programs that set themselves up"

  package let http = DiscoveryHTTPSection()
  package let https = DiscoveryHTTPSSection()
  package let hostname = Setting(
    "discovery.hostname", .optional(.hostName), default: nil,
    "The name of this service: where the records autoconfig and autodiscover of each domain point to, and where it "
      + "answers with a certificate of its own. Without it `postrider domain records` does not show them.")
  package let displayName = Setting(
    "discovery.display_name", .label, defaultFrom: "smtp.hostname", { $0.smtp.hostname },
    "What mail programs call the account's provider.")
  package let submission = DiscoverySubmissionSection()
  package let imap = DiscoveryIMAPSection()
  package let pop3 = DiscoveryPOP3Section()
  package let domains = Setting(
    "discovery.domains", .discoveryDomains, default: [],
    "Domains that are told something else: `display_name`, and `submission`, `imap`, `pop3` as a host, host:port or `none`. "
      + "Ports are otherwise those above.")
  package let proxies = Setting(
    "discovery.proxies", .list(of: .network), default: [],
    "Where load balancers connect from: IPv4 of /8 or smaller, IPv6 of /16 or smaller. They are believed about their client "
      + "(`X-Forwarded-For`).")
  package let connectionsMax = Setting(
    "discovery.connections_max", .count(1...1_000_000), default: 1000, "Connections at once in one process.")
  package let connectionsPerAddressMax = Setting(
    "discovery.connections_per_address_max", .count(1...1_000_000), default: 20,
    "Connections at once of one client address; of IPv6 a /64 counts as one.")
  package let requestsPerMinuteMax = Setting(
    "discovery.requests_per_minute_max", .count(1...1_000_000), default: 120,
    "Requests of one client address in a minute, in each process; then 429.")
  package let requestSizeMax = Setting(
    "discovery.request_size_max", .size(1 << 10...1 << 20), default: 16 << 10, "The largest request's body; then 413.")
  package let requestTimeout = Setting(
    "discovery.request_timeout", .duration(.seconds(1) ... .seconds(300)), default: .seconds(10),
    "How long a client may take for TLS and a request, and for the next one on the same connection.")
}

package struct DiscoveryHTTPSection: SettingSection {
  package let prefix = "discovery.http"
  package let title = "Without TLS"

  package let listen = Setting(
    "discovery.http.listen", .list(of: .listen), default: [],
    "Where `postrider discovery` listens without TLS: the standard port is 80, and a load balancer in front of it may add "
      + "TLS; empty: nowhere.")
}

package struct DiscoveryHTTPSSection: SettingSection {
  package let prefix = "discovery.https"
  package let title = "With TLS"

  package let listen = Setting(
    "discovery.https.listen", .list(of: .listen), default: [],
    "Where it listens with TLS (the standard port is 443); empty: nowhere. Certificate and key are those of `smtp`, which "
      + "sign Apple's profiles, too.")
  package let certificates = Setting(
    "discovery.https.certificates", .optional(.directory), default: nil,
    "A directory with certificates for other names, `autoconfig.DOMAIN` above all: each NAME.pem with its chain and NAME.key. "
      + "A client gets the one that is for the name that it asks for; what changes there is read without a restart.")
}

package struct DiscoverySubmissionSection: SettingSection {
  package let prefix = "discovery.submission"
  package let title = "Where mail is sent"

  package let hostname = Setting(
    "discovery.submission.hostname", .hostName, defaultFrom: "smtp.hostname", { $0.smtp.hostname },
    "The host that mail programs send by, as they reach it.")
  package let implicitTLSPort = Setting(
    "discovery.submission.implicit_tls_port", .count(0...65535), default: 465,
    "Its port for TLS from the first byte, which is preferred (RFC 8314); 0: it is not told.")
  package let startTLSPort = Setting(
    "discovery.submission.starttls_port", .count(0...65535), default: 587, "Its port for STARTTLS; 0: it is not told.")
}

package struct DiscoveryIMAPSection: SettingSection {
  package let prefix = "discovery.imap"
  package let title = "Where mail is read"

  package let hostname = Setting(
    "discovery.imap.hostname", .optional(.hostName), default: nil,
    "The host that mail is read from by IMAP; none: nothing is.")
  package let port = Setting(
    "discovery.imap.port", .count(1...65535), default: 993, "Its port, with TLS from the first byte.")
}

package struct DiscoveryPOP3Section: SettingSection {
  package let prefix = "discovery.pop3"
  package let title = "Where mail is fetched"

  package let hostname = Setting(
    "discovery.pop3.hostname", .optional(.hostName), default: nil,
    "The host that mail is fetched from by POP3; none: nothing is.")
  package let port = Setting(
    "discovery.pop3.port", .count(1...65535), default: 995, "Its port, with TLS from the first byte.")
}
