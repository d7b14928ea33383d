internal import Cryptography
internal import NIOPosix
internal import CoreMetrics
internal import NodeMetrics

/// The certificate that an acceptor shows. The file is looked at, which is what the acceptor reads again by itself.
struct CertificateDependency: Sendable {
  private let file: String
  private let name: String
  private let days: Meter

  /// - Parameter name: what clients connect to.
  init(file: String, name: String, metrics: ProcessMetrics) {
    self.file = file
    self.name = name
    days = metrics.certificateDays()
  }

  func condition() async -> Condition {
    let (file, name) = (file, name)
    let facts: CertificateFacts
    do {
      facts = try await NIOThreadPool.singleton.runIfActive { try CertificateFacts(file: file, covering: name) }
    } catch {
      return Condition(.degraded, "\(file) cannot be read (\(error)); the one in use stays")
    }
    days.set(facts.daysLeft)
    if facts.isInFuture { return Condition(.failed, "\(file) is not valid yet") }
    if facts.daysLeft < 0 { return Condition(.failed, "\(file) has expired") }
    if !facts.coversName { return Condition(.degraded, "\(file) does not cover \(name)") }
    if facts.daysLeft < 7 { return Condition(.degraded, "\(file) expires in \(facts.daysLeft) days") }
    return Condition(.ok, "valid for \(facts.daysLeft) days")
  }
}
