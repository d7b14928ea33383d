package import DNS
package import MailFormat
package import MailModel
package import NIOCore
package import SMTPWire

/// What an acceptor needs to know; the executable makes it from the settings.
package struct AcceptorConfiguration: Sendable {
  package struct Listener: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
      /// TLS from the first octet (RFC 8314 §3.3).
      case implicitTLS
      /// STARTTLS before everything else (RFC 3207, RFC 6409).
      case startTLS
      /// Neither TLS nor login: for `TrustedClients` only.
      case plain
      /// From the mail servers of others, for the recipients of `refusalOfInbound` only: STARTTLS is offered, no login.
      case inbound
    }

    /// An IPv4 or IPv6 address without brackets; `0.0.0.0` and `::` are all of their family.
    package var address: String
    /// 0 takes any free one.
    package var port: Int
    package var kind: Kind

    package init(address: String, port: Int, kind: Kind) {
      self.address = address
      self.port = port
      self.kind = kind
    }
  }

  /// In the greeting, in `Received` and in new Message-IDs.
  package var hostName: String
  package var listeners: [Listener]
  package var limits = SubmissionLimits()
  package var headerSizeMax = 256 * 1024
  package var receivedCountMax = 25
  /// What becomes of malformed messages.
  package var checks = CheckMode.repair
  /// `Received` names the client's address.
  package var showsClientAddress = false
  /// Load balancers: a peer from here must begin with a PROXY header, and from nobody else one is read.
  package var proxyNetworks: [CIDR] = []
  /// From the connection to the end of the PROXY header.
  package var proxyHeaderTimeout = TimeAmount.seconds(5)

  /// The TLS handshake, from connection or STARTTLS.
  package var handshakeTimeout = TimeAmount.seconds(30)
  /// From one reply to the end of the next command (RFC 5321 §4.5.3.2.7).
  package var commandTimeout = TimeAmount.minutes(5)
  /// Between two octets of content.
  package var dataTimeout = TimeAmount.minutes(3)
  /// For the check of a login. The client gets 454 after it.
  package var loginTimeout = TimeAmount.seconds(60)
  /// For the queue, and a second longer for each 4 MB. The client gets 451 after it, and the connection ends: the message
  /// may be queued yet.
  package var queueTimeout = TimeAmount.minutes(5)
  package var sessionTimeMax = TimeAmount.hours(1)
  /// How long the client may take to close after our last reply; closing at once could destroy the reply.
  package var lingerTimeout = TimeAmount.seconds(5)

  package var sessionsMax = 10_000
  /// Sessions at once of one client address.
  package var sessionsPerAddressMax = Int.max
  /// On an inbound listener: why a recipient is not taken; nil: it is.
  package var refusalOfInbound: @Sendable (MailAddress) -> Reply? = { _ in
    Reply(554, EnhancedStatus(5, 7, 1), "Relaying denied")
  }
  /// Content above it goes to a file.
  package var spillThreshold = 256 * 1024
  package var spoolDirectory = "/var/tmp"
  package var shutdownTimeout = TimeAmount.seconds(30)

  /// Watched for changes; empty watches nothing.
  package var certificateFiles: [String] = []
  package var certificatePollInterval = TimeAmount.seconds(5)

  package init(hostName: String, listeners: [Listener]) {
    self.hostName = hostName
    self.listeners = listeners
  }
}
