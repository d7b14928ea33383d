package struct DeliverySection: SettingSection {
  package let prefix = "delivery"
  package let title = "Delivery"

  package let hostname = Setting(
    "delivery.hostname", .hostName, defaultFrom: "node.name", { $0.node.name },
    "The name in EHLO; its address should lead back to it.")
  package let port = Setting(
    "delivery.port", .count(1...65535), default: 25, "The port of mail exchangers. Other than 25 only for trials.")
  package let allowNetworks = Setting(
    "delivery.allow_networks", .list(of: .network), default: [],
    "Networks that may be dialled although they are private, loopback, link-local or otherwise reserved.")
  package let connectionsPerDestination = Setting(
    "delivery.connections_per_destination", .count(1...10_000), default: 20,
    "Connections of one worker to one destination at once.")
  package let messagesPerConnection = Setting(
    "delivery.messages_per_connection", .count(1...100_000), default: 100, "Messages over one connection.")
  package let connectionIdleTime = Setting(
    "delivery.connection_idle_time", .duration(.zero ... .seconds(300)), default: .seconds(10),
    "How long a connection waits for another message.")
  package let connectionAgeMax = Setting(
    "delivery.connection_age_max", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(300),
    "How long a connection is used for new messages.")
  package let tls = Setting(
    "delivery.tls", .choice(DeliveryTLS.self), default: .opportunistic,
    "`opportunistic` when offered, `none` never, `required` only with a valid certificate.")
  package let caFile = Setting(
    "delivery.ca_file", .optional(.file), default: nil, "Certificates to trust, PEM, instead of the system's.")
  package let routes = Setting(
    "delivery.routes", .routes, default: [],
    "Hosts to use instead of a domain's MX; domain `*` is for all others. With a user, TLS must be `required`.")
  package let publicAddress = Setting(
    "delivery.public_address", .optional(.address), default: nil,
    "The address that other servers see mail come from, where a translator stands in between. Otherwise it is this "
      + "machine's first public address. A site that wants less is slowed for all workers with the same one.")
  package let siteFamilies = Setting(
    "delivery.site_families", .list(of: .hostFamily),
    default: ["*.mail.protection.outlook.com", "*.mx.microsoft", "*.l.google.com", "*.yahoodns.net"],
    "Mail exchangers below one of these names are one site, whatever domain they are for: slowed down together, and "
      + "down together. Otherwise a site is a set of mail exchangers.")
  package let timeout = DeliveryTimeoutSection()
}

/// The time limits of RFC 5321 §4.5.3.2, and those that it leaves open.
package struct DeliveryTimeoutSection: SettingSection {
  package let prefix = "delivery.timeout"
  package let title = "Time limits of a delivery"

  package let connect = limit("connect", .seconds(30), "TCP connection.")
  package let greeting = limit("greeting", .seconds(300), "The first 220.")
  package let hello = limit("hello", .seconds(300), "The answer to EHLO or HELO.")
  package let tls = limit("tls", .seconds(60), "The answer to STARTTLS and the handshake.")
  package let login = limit("login", .seconds(60), "The answer to AUTH.")
  package let mail = limit("mail", .seconds(300), "The answer to MAIL.")
  package let recipient = limit("recipient", .seconds(300), "The answer to RCPT.")
  package let data = limit("data", .seconds(120), "The answer to DATA.")
  package let block = limit("block", .seconds(180), "Taking one block of the message.")
  package let finalDot = limit("final_dot", .seconds(600), "The answer to the final dot.")
  package let reset = limit("reset", .seconds(30), "The answer to RSET.")
  package let quit = limit("quit", .seconds(5), "The answer to QUIT.")

  private static func limit(_ name: String, _ standard: Duration, _ meaning: String) -> Setting<Duration> {
    Setting(
      "delivery.timeout.\(name)", .duration(.milliseconds(100) ... .seconds(3600)), default: standard, meaning)
  }
}
