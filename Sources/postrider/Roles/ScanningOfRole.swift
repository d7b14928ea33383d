internal import Acceptor
internal import Admission
internal import ContentScan
internal import Logging
internal import MailModel
internal import NIOCore
internal import NIOPosix
internal import Postgres
internal import Settings

extension Settings {
  /// nil: there is no scanner.
  var scanners: ContentScannerConfiguration? {
    let scanning = self.scanning
    guard scanning.clamd != nil || scanning.rspamd != nil else { return nil }
    var configuration = ContentScannerConfiguration()
    configuration.clamd = scanning.clamd.map(ScannerAddress.init)
    configuration.rspamd = scanning.rspamd
    configuration.timeMax = scanning.timeout
    configuration.atOnceMax = scanning.atOnceMax
    configuration.cacheTime = scanning.cacheTime
    configuration.cacheCountMax = scanning.cacheMax
    return configuration
  }

  /// Of tenants that have no choice of their own.
  var scanPolicy: ScanPolicy {
    let scanning = self.scanning
    return ScanPolicy(
      malware: ScanTreatment(scanning.malware), spam: ScanTreatment(scanning.spam), spamScore: scanning.spamScore,
      tagScore: scanning.tagScore, acceptsUnscanned: scanning.whenDown == .accept)
  }
}

extension ScannerAddress {
  init(_ address: ServiceAddress) {
    switch address {
    case .network(let host, let port): self = .network(host: host, port: port)
    case .file(let path): self = .file(path)
    }
  }
}

extension ScanTreatment {
  fileprivate init(_ treatment: ContentTreatment) {
    self =
      switch treatment {
      case .reject: .reject
      case .hold: .hold
      case .tag: .tag
      case .off: .off
      }
  }
}

extension Node {
  /// nil: there is no scanner.
  /// - Parameters:
  ///   - directory: of the home database.
  ///   - threads: where spill files are read.
  func scanner(group: any EventLoopGroup, threads: NIOThreadPool) -> ContentScanner? {
    settings.scanners.map { ContentScanner($0, group: group, threads: threads, logger: logger) }
  }

  func scanning(_ scanner: ContentScanner, directory: PostgresPool) -> MessageScanning {
    let (policy, choices) = (settings.scanPolicy, ScanChoices(pool: directory))
    return MessageScanning(scanner) { tenant in policy.changed(by: await choices.find(tenant)) }
  }
}
