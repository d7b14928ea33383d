/// Where in an attempt something happened.
public enum AttemptStage: Int16, Sendable, Hashable, CaseIterable {
  case route = 0
  case connect = 1
  case greeting = 2
  case hello = 3
  case tls = 4
  case login = 5
  case mail = 6
  case recipient = 7
  case data = 8
  case finalDot = 9

  public var name: String {
    switch self {
    case .route: "route"
    case .connect: "connect"
    case .greeting: "greeting"
    case .hello: "hello"
    case .tls: "tls"
    case .login: "login"
    case .mail: "mail"
    case .recipient: "recipient"
    case .data: "data"
    case .finalDot: "final dot"
    }
  }
}

/// Why an attempt failed without a reply of the remote server that says so.
public enum LocalFailure: Sendable, Hashable {
  /// The domain does not exist (NXDOMAIN).
  case noSuchDomain
  /// A null MX (RFC 7505): the domain takes no mail.
  case nullMX
  /// The domain exists and has neither MX nor an address.
  case noAddress
  /// The name servers did not answer, or answered SERVFAIL, or DNSSEC validation failed.
  case dns(String)
  /// Every address is one that we must not dial, or the best MX is ourselves.
  case forbiddenAddress(String)
  case mailLoop(String)
  case connection(String)
  case timeout(String)
  case tls(String)
  case protocolViolation(String)
  /// The message needs an extension that the server lacks (RFC 6152 §3, RFC 6531 §3.2, RFC 1870 §6).
  case missingExtension(String)
  /// Our own side: database, disk, shutdown.
  case system(String)
  /// Five days have passed.
  case expired
  /// The recipient is on the list of those to whom nothing is sent.
  case suppressed(String)
  /// Another server took the message and reported later, in these words, that it was not delivered.
  case returned(String)

  /// A sentence without a full stop, for people. Text in it may come from outside.
  public var explanation: String {
    switch self {
    case .noSuchDomain: "the domain does not exist"
    case .nullMX: "the domain does not accept mail (null MX)"
    case .noAddress: "the domain has no mail server and no address"
    case .dns(let why): "DNS lookup failed: \(why)"
    case .forbiddenAddress(let why): "the address may not be used: \(why)"
    case .mailLoop(let why): "mail would loop back to this node: \(why)"
    case .connection(let why): "connection failed: \(why)"
    case .timeout(let what): "timed out: \(what)"
    case .tls(let why): "TLS failed: \(why)"
    case .protocolViolation(let why): "the remote server broke the protocol: \(why)"
    case .missingExtension(let what): "the remote server lacks \(what)"
    case .system(let why): "local trouble: \(why)"
    case .expired: "delivery was given up after the retry period"
    case .suppressed(let why): "nothing is sent to this address: \(why)"
    case .returned(let words): words.isEmpty ? "a mail server reported it as undeliverable, without a reason" : words
    }
  }
}

extension LocalFailure {
  /// A stable name, as the database keeps it.
  public var name: String {
    switch self {
    case .noSuchDomain: "no_such_domain"
    case .nullMX: "null_mx"
    case .noAddress: "no_address"
    case .dns: "dns"
    case .forbiddenAddress: "forbidden_address"
    case .mailLoop: "mail_loop"
    case .connection: "connection"
    case .timeout: "timeout"
    case .tls: "tls"
    case .protocolViolation: "protocol_violation"
    case .missingExtension: "missing_extension"
    case .system: "system"
    case .expired: "expired"
    case .suppressed: "suppressed"
    case .returned: "returned"
    }
  }

  /// What the name and its case's text say.
  public var detail: String {
    switch self {
    case .noSuchDomain, .nullMX, .noAddress, .expired: ""
    case .dns(let text), .forbiddenAddress(let text), .mailLoop(let text), .connection(let text), .timeout(let text),
      .tls(let text), .protocolViolation(let text), .missingExtension(let text), .system(let text),
      .suppressed(let text), .returned(let text):
      text
    }
  }

  /// Reads back what `name` and `detail` gave; an unknown name is trouble of our own.
  public init(name: String, detail: String) {
    switch name {
    case "no_such_domain": self = .noSuchDomain
    case "null_mx": self = .nullMX
    case "no_address": self = .noAddress
    case "dns": self = .dns(detail)
    case "forbidden_address": self = .forbiddenAddress(detail)
    case "mail_loop": self = .mailLoop(detail)
    case "connection": self = .connection(detail)
    case "timeout": self = .timeout(detail)
    case "tls": self = .tls(detail)
    case "protocol_violation": self = .protocolViolation(detail)
    case "missing_extension": self = .missingExtension(detail)
    case "expired": self = .expired
    case "suppressed": self = .suppressed(detail)
    case "returned": self = .returned(detail)
    default: self = .system(detail)
    }
  }
}

/// How one attempt for one recipient ended.
package enum AttemptResult: Sendable, Hashable {
  /// The remote server took responsibility (2yz to the final dot).
  case delivered(Reply)
  /// The remote server refused with 4yz or 5yz.
  case refused(Reply, AttemptStage)
  case failed(LocalFailure, AttemptStage)
  /// Nothing was tried for this recipient (452 too many recipients, hand-back at shutdown): costs no attempt.
  case notTried(String)
}

/// What TLS a connection had.
package struct TLSFacts: Sendable, Hashable {
  /// `TLSv1.3`
  package let version: String
  /// `TLS_AES_256_GCM_SHA384`
  package let cipher: String
  /// The certificate was valid for the name that we asked for.
  package let verified: Bool

  package init(version: String, cipher: String, verified: Bool) {
    self.version = version
    self.cipher = cipher
    self.verified = verified
  }
}

/// What is spoken to the server that takes the mail.
package enum TransferProtocol: Sendable, Hashable {
  case smtp
  /// RFC 2033: the server keeps the mailboxes, and after the content it answers for each recipient.
  case lmtp
}

/// The other end of an attempt.
package struct RemoteHost: Sendable, Hashable {
  /// The MX host's name, or the smarthost's.
  package var name: String
  /// The dialled address, without port.
  package var address: String
  package var port: Int
  package var tls: TLSFacts?
  /// It announced DSN (RFC 3461): what the sender wants to hear was passed on to it.
  package var offersDSN = false
  /// It keeps the mailboxes themselves: what it takes has arrived, and it knows who is there.
  package var keepsMailboxes = false
  /// Our own end of the connection, as this machine knows it; not kept.
  package var ourAddress: String?

  package init(name: String, address: String, port: Int, tls: TLSFacts? = nil) {
    self.name = name
    self.address = address
    self.port = port
    self.tls = tls
  }
}

/// One attempt for one recipient: what `outcome` and the mail log keep.
package struct Attempt: Sendable, Hashable {
  package var result: AttemptResult
  /// nil when no connection was tried.
  package var remote: RemoteHost?
  /// From claim to the result.
  package var duration: Duration

  package init(result: AttemptResult, remote: RemoteHost? = nil, duration: Duration = .zero) {
    self.result = result
    self.remote = remote
    self.duration = duration
  }
}
