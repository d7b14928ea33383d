internal import ContentScan
internal import Foundation
internal import NIOPosix
internal import Settings

/// clamd and rspamd: do they answer, and does clamd know what is new?
struct ScannerChecks {
  let settings: Settings

  /// Nothing where nothing is scanned.
  func run() async -> [Finding] { [await clamd(), await rspamd()].compactMap(\.self) }

  private var consequence: String {
    settings.scanning.whenDown == .refuse
      ? "until then mail is put off with 451" : "until then mail is accepted without a look"
  }

  private func clamd() async -> Finding? {
    guard let address = settings.scanning.clamd else { return nil }
    let client = ClamdClient(ScannerAddress(address), group: MultiThreadedEventLoopGroup.singleton)
    let start = ContinuousClock.now
    switch await answer(of: client) {
    case .success(let version):
      return judge(version, "\(address), \(version.program), answers in \((ContinuousClock.now - start).precise)")
    case .failure(let failure):
      return .failed(
        "clamd", "\(address): \(failure.reason)", advice: "start clamd or mend scanning.clamd; \(consequence)")
    }
  }

  /// At most five seconds: one that is stopped accepts connections and says nothing.
  private func answer(of client: ClamdClient) async -> Result<ClamdVersion, ScannerFailure> {
    await withTaskGroup(of: Result<ClamdVersion, ScannerFailure>.self) { tasks in
      tasks.addTask {
        do throws(ScannerFailure) { return .success(try await client.version()) } catch { return .failure(error) }
      }
      tasks.addTask {
        try? await Task.sleep(for: .seconds(5))
        return .failure(.timedOut)
      }
      defer { tasks.cancelAll() }
      return await tasks.next() ?? .failure(.timedOut)
    }
  }

  private func judge(_ version: ClamdVersion, _ what: String) -> Finding {
    guard let number = version.signatures, let text = version.signatureDate else {
      return .warning(
        "clamd", "\(what), without official signatures",
        advice: "freshclam gets them; without them it finds what your own signatures name, and nothing else")
    }
    guard let days = Self.days(since: text, now: Date()) else {
      return .ok("clamd", "\(what), signatures \(number) of \(text)")
    }
    let detail = "\(what), signatures \(number), \(days) days old"
    guard days > 7 else { return .ok("clamd", detail) }
    return .warning("clamd", detail, advice: "let freshclam run: it does not know what is newer")
  }

  /// - Parameter text: `Mon Jan  5 09:00:00 2026`.
  static func days(since text: String, now: Date) -> Int? {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "EEE MMM d HH:mm:ss yyyy"
    let words = text.split(separator: " ").joined(separator: " ")
    return format.date(from: words).map { Int(now.timeIntervalSince($0) / 86_400) }
  }

  private func rspamd() async -> Finding? {
    guard let url = settings.scanning.rspamd else { return nil }
    let client = RspamdClient(url: url, group: MultiThreadedEventLoopGroup.singleton)
    let start = ContinuousClock.now
    let finding: Finding
    do throws(ScannerFailure) {
      let name = try await client.ping()
      finding = .ok("rspamd", "\(url), \(name), answers in \((ContinuousClock.now - start).precise)")
    } catch {
      finding = .failed(
        "rspamd", "\(url): \(error.reason)", advice: "start rspamd or mend scanning.rspamd; \(consequence)")
    }
    await client.shutdown()
    return finding
  }
}
