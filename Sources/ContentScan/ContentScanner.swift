package import Logging
package import MailModel
import MailQueue
import NIOConcurrencyHelpers
package import NIOCore
package import NIOPosix
package import NodeMetrics

/// Which scanners there are, and how long and how many at once they are asked.
package struct ContentScannerConfiguration: Sendable {
  /// nil: nobody looks for malware.
  package var clamd: ScannerAddress?
  /// A URL; nil: nobody looks for spam.
  package var rspamd: String?
  /// For both together, the wait for a turn included.
  package var timeMax = Duration.seconds(30)
  /// Messages at once, for each scanner.
  package var atOnceMax = 16
  /// For how long a verdict counts for the same content; zero: not at all.
  package var cacheTime = Duration.seconds(300)
  package var cacheCountMax = 10_000

  package init() {}
}

/// Has messages looked at by all scanners side by side, within a limit of time.
///
/// **Memory.** What is not in memory already is read from its spill file piece by piece. At most `atOnceMax` messages are
/// on their way to each scanner; others wait in line, and the same limit of time counts for them.
///
/// **Cache.** Verdicts are remembered by content (`ContentKey`): that a content is clean of malware or infected, whoever
/// sends it; that it is no spam, only for the same login, address and sender. Failures and spam are never remembered.
package final class ContentScanner: Sendable {
  private struct SpamKey: Hashable, Sendable {
    let content: [UInt8]
    let tenant: Int64
    let user: String
    let clientAddress: String?
    let sender: MailAddress?
  }

  package let configuration: ContentScannerConfiguration
  private let clamd: ClamdClient?
  private let rspamd: RspamdClient?
  private let clamdSlots: ScanSlots
  private let rspamdSlots: ScanSlots
  private let malware: VerdictCache<[UInt8], MalwareVerdict>
  private let clean: VerdictCache<SpamKey, SpamVerdict>
  private let threads: NIOThreadPool
  private let metrics: ScanMetrics
  private let health: ScannerHealth

  /// - Parameter threads: where spill files are read and large contents hashed.
  package init(
    _ configuration: ContentScannerConfiguration, group: any EventLoopGroup, threads: NIOThreadPool,
    metrics: ScanMetrics = ScanMetrics(), logger: Logger
  ) {
    self.configuration = configuration
    let patience = TimeAmount.nanoseconds(min(.seconds(5), configuration.timeMax).nanoseconds)
    clamd = configuration.clamd.map { ClamdClient($0, group: group, connectTimeout: patience) }
    rspamd = configuration.rspamd.map { RspamdClient(url: $0, group: group, connectTimeout: patience) }
    clamdSlots = ScanSlots(configuration.atOnceMax)
    rspamdSlots = ScanSlots(configuration.atOnceMax)
    malware = VerdictCache(lifetime: configuration.cacheTime, countMax: configuration.cacheCountMax)
    clean = VerdictCache(lifetime: configuration.cacheTime, countMax: configuration.cacheCountMax)
    self.threads = threads
    self.metrics = metrics
    health = ScannerHealth(logger)
  }

  /// Messages that wait for their turn.
  package var waiting: Int { clamdSlots.waiting + rspamdSlots.waiting }

  /// Must be called before the last reference goes.
  package func shutdown() async { await rspamd?.shutdown() }

  /// Looks at a message. Cancelled, it ends soon, and its decision means nothing.
  package func scan(_ message: ScannedMessage, _ policy: ScanPolicy) async -> ScanDecision {
    let clamd = policy.malware == .off ? nil : clamd
    let rspamd = policy.spam == .off ? nil : rspamd
    guard clamd != nil || rspamd != nil else { return .unscanned }
    let key = await key(of: message)
    let spamKey = key.map {
      SpamKey(
        content: $0, tenant: message.tenant, user: message.user, clientAddress: message.clientAddress,
        sender: message.envelope.reversePath)
    }
    var findings = ScanFindings()
    if clamd != nil, let known = key.flatMap({ malware[$0] }) {
      findings.malware = .success(known)
      metrics.scanned(.clamd, .cached)
    }
    if rspamd != nil, let known = spamKey.flatMap({ clean[$0] }) {
      findings.spam = .success(known)
      metrics.scanned(.rspamd, .cached)
    }
    let asked = await ask(
      findings.malware == nil ? clamd : nil, findings.spam == nil ? rspamd : nil, about: message, policy)
    findings.malware = findings.malware ?? asked.malware
    findings.spam = findings.spam ?? asked.spam
    if let key, case .success(let verdict)? = asked.malware { malware.insert(verdict, for: key) }
    if let spamKey, case .success(let verdict)? = asked.spam, verdict.isHarmless(policy) {
      clean.insert(verdict, for: spamKey)
    }
    return ScanDecision(findings, policy)
  }

  /// nil: nothing is remembered, or the message cannot be read, which its scanners will find too.
  private func key(of message: ScannedMessage) async -> [UInt8]? {
    guard configuration.cacheTime > .zero else { return nil }
    return try? await threads.runIfActive { [content = message.content] in try ContentKey.make(content) }
  }

  private enum Event: Sendable {
    case malware(Result<MalwareVerdict, ScannerFailure>)
    case spam(Result<SpamVerdict, ScannerFailure>)
    case timeIsUp
  }

  /// Asks both at once. Who has not answered when the time is up has failed.
  private func ask(_ clamd: ClamdClient?, _ rspamd: RspamdClient?, about message: ScannedMessage, _ policy: ScanPolicy)
    async -> ScanFindings
  {
    guard clamd != nil || rspamd != nil else { return ScanFindings() }
    let timeMax = configuration.timeMax
    return await withTaskGroup(of: Event.self) { tasks in
      defer { tasks.cancelAll() }
      tasks.addTask {
        try? await Task.sleep(for: timeMax)
        return .timeIsUp
      }
      if let clamd {
        tasks.addTask { .malware(await self.scan(message, with: clamd)) }
      }
      if let rspamd {
        tasks.addTask { .spam(await self.scan(message, with: rspamd)) }
      }
      var findings = ScanFindings()
      for await event in tasks {
        switch event {
        case .malware(let result): findings.malware = result
        case .spam(let result): findings.spam = result
        case .timeIsUp:
          if clamd != nil, findings.malware == nil { findings.malware = .failure(timedOut(.clamd)) }
          if rspamd != nil, findings.spam == nil { findings.spam = .failure(timedOut(.rspamd)) }
        }
        // Nothing that the other says would let it through.
        if case .success(.infected)? = findings.malware, policy.malware == .reject { break }
        if (clamd == nil || findings.malware != nil) && (rspamd == nil || findings.spam != nil) { break }
      }
      return findings
    }
  }

  /// The time is up for a scanner, or the whole message is given up.
  private func timedOut(_ scanner: ScanMetrics.Scanner) -> ScannerFailure {
    if !Task.isCancelled {
      metrics.scanned(scanner, .failed)
      metrics.scanned(scanner, in: configuration.timeMax)
      health.failed(scanner, .timedOut)
    }
    return .timedOut
  }

  private func scan(_ message: ScannedMessage, with clamd: ClamdClient) async -> Result<MalwareVerdict, ScannerFailure>
  {
    await measured(.clamd, clamdSlots) { () throws(ScannerFailure) in
      try await clamd.scan(message.content, reading: self.threads)
    } outcome: {
      $0 == .clean ? .clean : .found
    }
  }

  private func scan(_ message: ScannedMessage, with rspamd: RspamdClient) async -> Result<SpamVerdict, ScannerFailure> {
    let deadline = NIODeadline.now() + TimeAmount.nanoseconds(configuration.timeMax.nanoseconds)
    return await measured(.rspamd, rspamdSlots) { () throws(ScannerFailure) in
      try await rspamd.scan(message, until: deadline, reading: self.threads)
    } outcome: {
      $0.action == .none || $0.action == .greylist ? .clean : .found
    }
  }

  private func measured<Verdict: Sendable>(
    _ scanner: ScanMetrics.Scanner, _ slots: ScanSlots, _ work: () async throws(ScannerFailure) -> Verdict,
    outcome: (Verdict) -> ScanMetrics.Outcome
  ) async -> Result<Verdict, ScannerFailure> {
    let start = ContinuousClock.now
    do throws(ScannerFailure) {
      let verdict = try await slots.run(work)
      metrics.scanned(scanner, outcome(verdict))
      metrics.scanned(scanner, in: ContinuousClock.now - start)
      health.works(scanner)
      return .success(verdict)
    } catch {
      // Nobody waits for it any more: whoever gave up has counted it.
      guard !Task.isCancelled else { return .failure(.timedOut) }
      metrics.scanned(scanner, .failed)
      metrics.scanned(scanner, in: ContinuousClock.now - start)
      health.failed(scanner, error)
      return .failure(error)
    }
  }
}

extension SpamVerdict {
  /// Whether it may be remembered: by nobody's limits there is anything to say about it.
  fileprivate func isHarmless(_ policy: ScanPolicy) -> Bool {
    (action == .none || action == .greylist) && score < (policy.spamScore ?? .infinity)
      && score < (policy.tagScore ?? .infinity)
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 {
    Int64(clamping: Int128(components.seconds) * 1_000_000_000 + Int128(components.attoseconds / 1_000_000_000))
  }
}
