internal import Admission
internal import ArgumentParser
internal import Cryptography
internal import DKIM
internal import Postgres
internal import Settings

/// What `add` and `rotate` have in common.
struct NewKeyOptions: ParsableArguments {
  @Option(help: "What the selectors begin with, or the selector of a single key; otherwise one with the date.")
  var selector: String?
}

/// From now on, up to a year.
struct KeyDelay: ExpressibleByArgument {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = DurationText.parse(argument), duration >= .zero, duration <= .seconds(365 * 86_400) else {
      return nil
    }
    self.duration = duration
  }

  var defaultValueDescription: String { duration.brief }
}

extension SigningKey.Algorithm: ExpressibleByArgument {
  public init?(argument: String) {
    guard let algorithm = Self.allCases.first(where: { "\($0)" == argument }) else { return nil }
    self = algorithm
  }
}

extension SigningKey {
  /// One that verifiers take.
  static func forDKIM(file: String) throws(CryptographyFailure) -> SigningKey {
    try DomainKey(domain: "", selector: "", key: SigningKey(file: file)).key
  }
}

extension CommonOptions {
  /// - Parameter needsMaster: whether keys are made.
  func withSigningDirectory<T>(_ role: String, needsMaster: Bool = false, _ body: (SigningDirectory) throws -> T) throws
    -> T
  {
    let settings = try settings()
    let master = needsMaster ? try Node(settings, role: role).masterKey() : nil
    // The last signature is made when the key retires, is tried for as long as any mail, and may be forwarded or fetched
    // from a mailbox server somewhat later.
    let publishedFor = settings.retry.period + .seconds(2 * 86_400)
    return try withDatabase(role) {
      try body(SigningDirectory(TenantDirectory($0), master: master, publishedFor: publishedFor))
    }
  }

  /// The new keys and what is to be done now.
  func reportNew(_ entries: [SigningKeyEntry]) throws {
    if json { return try JSONOutput.print(entries.map(DKIMCommand.Record.init)) }
    guard let first = entries.first else { return }
    print("publish these records; the keys sign from \(first.activeFrom.readable):")
    for entry in entries { print(entry.record.zoneLine) }
  }
}
