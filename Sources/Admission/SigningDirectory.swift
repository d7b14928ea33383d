package import Cryptography
import DKIM
import MailQueue
import Postgres

/// Keys of domains, as the administrator makes, lists, rotates and removes them. In the home database.
package struct SigningDirectory {
  private let directory: TenantDirectory
  private let master: MasterKey?
  /// Whole seconds for which a record stays after its key's retirement.
  private let publishedFor: Int64

  /// - Parameters:
  ///   - master: wraps new keys; only `add` and `rotate` need it.
  ///   - publishedFor: for how long the last signature may still have to be verified.
  package init(_ directory: TenantDirectory, master: MasterKey? = nil, publishedFor: Duration) {
    self.directory = directory
    self.master = master
    self.publishedFor = publishedFor.components.seconds
  }

  /// - Parameter domain: nil for those of all domains.
  package func list(domain: String? = nil) throws(DirectoryFailure) -> [SigningKeyEntry] {
    if let domain { _ = try self.domain(domain) }
    let rows = try directory.rows(
      """
      SELECT \(SigningKeyEntry.columns) FROM postrider.dkim_key k JOIN postrider.domain d ON d.id = k.domain
      JOIN postrider.tenant t ON t.id = k.tenant
      WHERE d.name = $2 OR $2 = '' ORDER BY d.name, k.active_from, k.id
      """
    ) {
      $0.append(publishedFor)
      $0.append(domain?.lowercased() ?? "")
    }
    return try directory.all(rows, SigningKeyEntry.init)
  }

  /// Gives a domain a key for each algorithm.
  /// - Parameters:
  ///   - keys: of different algorithms.
  ///   - selector: the beginning of the selectors, or with a single key the selector; nil: one with today's date.
  ///   - delay: until they sign, for their records to be published.
  /// - Throws: `.exists` when the domain has a key of an algorithm already.
  package func add(_ keys: [SigningKey], to domain: String, selector: String? = nil, after delay: Duration)
    throws(DirectoryFailure) -> [SigningKeyEntry]
  {
    let (id, tenant) = try self.domain(domain)
    return try transaction { () throws(DirectoryFailure) in
      for key in keys where try current(id, key.algorithm) != nil {
        throw DirectoryFailure(.exists, "\(domain) has a key for \(key.algorithm.dkimName) already: rotate it")
      }
      return try insert(keys, domain, id, tenant, selector, after: delay)
    }
  }

  /// Makes a successor for every key of the domain that has none, of the same algorithm. Those sign until it does.
  /// - Throws: `.missing` when it has no keys; `.exists` while earlier successors do not sign yet.
  package func rotate(
    _ domain: String, selector: String? = nil, after delay: Duration,
    making make: (SigningKey.Algorithm) throws(CryptographyFailure) -> SigningKey
  ) throws(DirectoryFailure) -> [SigningKeyEntry] {
    let (id, tenant) = try self.domain(domain)
    let unretired = try list(domain: domain).filter { $0.retiredAt == nil }
    guard !unretired.isEmpty else { throw DirectoryFailure(.missing, "\(domain) has no keys: add some") }
    if let pending = unretired.first(where: { $0.state == .pending }) {
      throw DirectoryFailure(.exists, "\(domain) has the key \(pending.selector), which does not sign yet")
    }
    var keys: [SigningKey] = []
    for entry in unretired {
      do throws(CryptographyFailure) {
        keys.append(try make(entry.algorithm))
      } catch {
        throw DirectoryFailure(.invalid, error.reason)
      }
    }
    // The moment of the transaction: the new keys begin when the old ones end, with nothing in between.
    return try transaction { () throws(DirectoryFailure) in
      // By dkim_key_current. Only what has been seen above: somebody else may rotate too.
      let retired = try directory.rows(
        """
        UPDATE postrider.dkim_key k SET retired_at = postrider.schedule_transaction_now() + $2 * interval '1 second'
        WHERE k.domain = $1 AND k.retired_at IS NULL AND k.id = ANY ($3::bigint[])
        """
      ) {
        $0.append(id)
        $0.append(delay.components.seconds)
        $0.append(unretired.map(\.id))
      }
      guard retired.commandTag == "UPDATE \(unretired.count)" else {
        throw DirectoryFailure(.exists, "somebody else has changed the keys of \(domain) just now")
      }
      return try insert(keys, domain, id, tenant, selector, after: delay)
    }
  }

  /// Deletes a key. If it was to take another's place, that one goes on.
  /// - Parameter force: also one that signs, or whose record has to stay: mail without a signature, or with one that
  ///   nobody can verify, may be the consequence.
  package func remove(_ selector: String, from domain: String, force: Bool = false) throws(DirectoryFailure)
    -> SigningKeyEntry
  {
    let id = try self.domain(domain).id
    return try transaction { () throws(DirectoryFailure) in
      guard let entry = try list(domain: domain).first(where: { $0.selector == selector }) else {
        throw DirectoryFailure(.missing, "\(domain) has no key \(selector)")
      }
      switch entry.state {
      case .signing where !force:
        throw DirectoryFailure(.invalid, "\(selector) signs the mail of \(domain): rotate it first")
      case .retired where !force:
        throw DirectoryFailure(.invalid, "mail that \(selector) has signed may still be on its way")
      default: break
      }
      _ = try directory.rows("DELETE FROM postrider.dkim_key WHERE id = $1") { $0.append(entry.id) }
      if entry.retiredAt == nil {
        // The one that it would have followed.
        _ = try directory.rows(
          """
          UPDATE postrider.dkim_key SET retired_at = NULL WHERE id = (
            SELECT k.id FROM postrider.dkim_key k WHERE k.domain = $1 AND k.algorithm = $2
              AND k.retired_at > postrider.schedule_now() ORDER BY k.retired_at DESC LIMIT 1)
          """
        ) {
          $0.append(id)
          $0.append(entry.algorithm.dkimName)
        }
      }
      return entry
    }
  }
}

extension SigningDirectory {
  private func domain(_ name: String) throws(DirectoryFailure) -> (id: Int64, tenant: Int64) {
    let rows = try directory.rows("SELECT id, tenant FROM postrider.domain WHERE name = $1") {
      $0.append(name.lowercased())
    }
    return try directory.one(rows, missing: "there is no domain \(name): add it first") {
      (try $0.int64($1, 0), try $0.int64($1, 1))
    }
  }

  private func current(_ domain: Int64, _ algorithm: SigningKey.Algorithm) throws(DirectoryFailure) -> Int64? {
    let rows = try directory.rows(
      "SELECT id FROM postrider.dkim_key WHERE domain = $1 AND algorithm = $2 AND retired_at IS NULL"
    ) {
      $0.append(domain)
      $0.append(algorithm.dkimName)
    }
    return try directory.all(rows) { try $0.int64($1, 0) }.first
  }

  private func insert(
    _ keys: [SigningKey], _ domain: String, _ id: Int64, _ tenant: Int64, _ base: String?, after delay: Duration
  ) throws(DirectoryFailure) -> [SigningKeyEntry] {
    guard let master else { throw DirectoryFailure(.invalid, "there is no master key") }
    let taken = Set(try list(domain: domain).map(\.selector))
    let names = try selectors(for: keys.map(\.algorithm), base: base, taken: taken)
    for (key, selector) in zip(keys, names) {
      guard DomainKey.isSelector(selector) else {
        throw DirectoryFailure(.invalid, "«\(selector)» is no selector: lower-case letters, digits, «-» and «.»")
      }
      var secret = key.privateBytes
      defer { wipe(&secret) }
      let wrapped = master.wrap(
        secret, context: signingKeyContext(tenant: tenant, domain: id, selector: selector))
      _ = try directory.rows(
        """
        INSERT INTO postrider.dkim_key (tenant, domain, selector, algorithm, public_key, private_key, active_from)
        VALUES ($1, $2, $3, $4, $5, $6, postrider.schedule_transaction_now() + $7 * interval '1 second')
        """, exists: "\(domain) has a key \(selector), or one for \(key.algorithm.dkimName), already"
      ) {
        $0.append(tenant)
        $0.append(id)
        $0.append(selector)
        $0.append(key.algorithm.dkimName)
        $0.append(Bytea(key.publicBytes))
        $0.append(Bytea(wrapped))
        $0.append(delay.components.seconds)
      }
    }
    // Somebody is about to publish the records.
    try directory.watch(domain)
    return try list(domain: domain).filter { names.contains($0.selector) }
  }

  /// Selectors that nobody has used for the domain: a verifier may still have an old record in its cache.
  private func selectors(for algorithms: [SigningKey.Algorithm], base: String?, taken: Set<String>)
    throws(DirectoryFailure) -> [String]
  {
    func names(_ base: String) -> [String] { algorithms.map { "\(base)-\($0 == .rsa ? "rsa" : "ed")" } }
    if let base { return algorithms.count == 1 ? [base] : names(base) }
    let rows = try directory.rows("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')") { _ in }
    let day = try directory.one(rows) { $0.text($1, 0) }
    let bases = ["p\(day)"] + (0..<26).map { "p\(day)\(Character(UnicodeScalar(UInt8(0x61 + $0))))" }
    guard let free = bases.lazy.map(names).first(where: { taken.isDisjoint(with: $0) }) else {
      throw DirectoryFailure(.exists, "too many keys were made today: name a selector")
    }
    return free
  }

  private func transaction<T>(_ body: () throws(DirectoryFailure) -> T) throws(DirectoryFailure) -> T {
    do {
      return try directory.connection.transaction { try body() }
    } catch let failure as DirectoryFailure {
      throw failure
    } catch {
      throw DirectoryFailure(.database, "\(error)")
    }
  }
}
