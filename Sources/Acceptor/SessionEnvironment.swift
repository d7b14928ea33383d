import Admission
import Blocklists
import Logging
import MailQueue
import NIOPosix
import NodeMetrics
import Observability
import SMTPWire
import TLS

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What all sessions of an acceptor share.
final class SessionEnvironment: Sendable {
  let configuration: AcceptorConfiguration
  let tls: TLSContext
  let authenticator: any SubmissionAuthenticating
  /// Who may use a plain listener; nil: nobody.
  let trusted: TrustedClients?
  /// nil: no client is looked up.
  let blocklists: ClientBlocklists?
  /// nil: nothing is signed.
  let signer: MessageSigner?
  /// nil: nothing is counted.
  let limits: SubmissionLimiter?
  /// nil: nothing is scanned.
  let scanning: MessageScanning?
  let queue: any MessageEnqueuing
  /// Spill files block: their calls run here.
  let fileThreads: NIOThreadPool
  let registry: SessionRegistry
  let logger: Logger
  let mailLog: MailLog
  let metrics: AcceptorMetrics

  init(
    configuration: AcceptorConfiguration, tls: TLSContext, authenticator: any SubmissionAuthenticating,
    trusted: TrustedClients?, blocklists: ClientBlocklists?, signer: MessageSigner?, limits: SubmissionLimiter?,
    scanning: MessageScanning?,
    queue: any MessageEnqueuing, fileThreads: NIOThreadPool, logger: Logger, mailLog: MailLog,
    metrics: AcceptorMetrics
  ) {
    self.configuration = configuration
    self.tls = tls
    self.authenticator = authenticator
    self.trusted = trusted
    self.blocklists = blocklists
    self.signer = signer
    self.limits = limits
    self.scanning = scanning
    self.queue = queue
    self.fileThreads = fileThreads
    self.logger = logger
    self.mailLog = mailLog
    self.metrics = metrics
    registry = SessionRegistry(
      sessionsMax: configuration.sessionsMax, perAddressMax: configuration.sessionsPerAddressMax)
  }

  /// The wall clock: for `Received`, `Date` and the time in a queue id; nothing is decided by it.
  var unixMilliseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(max(0, now.tv_sec)) * 1000 + UInt64(now.tv_nsec) / 1_000_000
  }

  /// Names a session in logs and in `Received`: 60 random bits.
  static func makeSessionID() -> String {
    let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    var generator = SystemRandomNumberGenerator()
    let bits: UInt64 = generator.next()
    return String(decoding: (0..<12).map { alphabet[Int(bits >> UInt64($0 * 5) & 31)] }, as: UTF8.self)
  }
}
