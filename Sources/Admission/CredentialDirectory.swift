import Cryptography
import Postgres

extension TenantDirectory {
  /// Adds a credential.
  /// - Parameters:
  ///   - name: an address, or a domain for one that covers all of its addresses. The domain must be there.
  ///   - password: nil makes a random one.
  /// - Returns: the credential, and the password if it was made here: the only time that it can be seen.
  package func addCredential(
    _ name: String, password: [UInt8]? = nil
  ) throws(DirectoryFailure) -> (credential: Credential, madePassword: String?) {
    let login = try credentialName(name)
    let (secret, made) = try secret(of: password)
    let rows = try rows(
      """
      WITH c AS (
        INSERT INTO postrider.credential (tenant, domain, name, covers_domain, secret)
        SELECT d.tenant, d.id, $1, $2, $3 FROM postrider.domain d WHERE d.name = $4 RETURNING *)
      SELECT \(Credential.columns) FROM c JOIN postrider.tenant t ON t.id = c.tenant
      JOIN postrider.domain d ON d.id = c.domain
      """, exists: "there is a credential \(login.description) already"
    ) {
      $0.append(login.description)
      $0.append(login.localPart == nil)
      $0.append(secret)
      $0.append(login.domain)
    }
    return (try one(rows, missing: "there is no domain \(login.domain): add it first", Credential.init), made)
  }

  /// Gives a credential another password.
  /// - Parameter keepingOld: for how long the present one is good as well, so that clients can change over; nil: logins
  ///   with it end within seconds, open sessions do not. Of several changes only the last password before this is kept.
  package func changePassword(
    of name: String, to password: [UInt8]? = nil, keepingOld: Duration? = nil
  ) throws(DirectoryFailure) -> (credential: Credential, madePassword: String?) {
    let login = try credentialName(name)
    let (secret, made) = try secret(of: password)
    let old =
      keepingOld.map {
        "old_secret = c.secret, old_secret_until = now() + interval '\(max(0, $0.components.seconds)) s'"
      }
      ?? "old_secret = NULL, old_secret_until = NULL"
    return (try update(login, "secret = $3, \(old)", secret), made)
  }

  /// - Parameter after: from now; nil: it has no end.
  @discardableResult
  package func setExpiry(of name: String, after time: Duration?) throws(DirectoryFailure) -> Credential {
    let end = time.map { "now() + interval '\(max(0, $0.components.seconds)) s'" } ?? "NULL"
    return try update(credentialName(name), "expires_at = \(end)")
  }

  /// Whether clients may submit over SMTP with it.
  @discardableResult
  package func setSMTP(_ isOn: Bool, of name: String) throws(DirectoryFailure) -> Credential {
    try update(credentialName(name), "smtp_disabled_at = \(isOn ? "NULL" : "coalesce(c.smtp_disabled_at, now())")")
  }

  /// Whether it has a mailbox, where its domain's mailboxes are here. Switched off, nobody reads it and nothing is
  /// delivered to it; what is in it stays.
  @discardableResult
  package func setMailbox(_ isOn: Bool, of name: String) throws(DirectoryFailure) -> Credential {
    try update(
      credentialName(name), "mailbox_disabled_at = \(isOn ? "NULL" : "coalesce(c.mailbox_disabled_at, now())")")
  }

  /// Lets a credential send as somebody else in its tenant's domains.
  /// - Parameter sender: an address, or a domain for everybody in it.
  @discardableResult
  package func allowSender(_ sender: String, for name: String) throws(DirectoryFailure) -> Credential {
    let login = try credentialName(name)
    guard let sender = LoginName(sender), isDomainName(sender.domain) else {
      throw DirectoryFailure(.invalid, "«\(sender)» is neither an address nor a domain")
    }
    let rows = try rows(
      """
      INSERT INTO postrider.allowed_sender (credential, sender)
      SELECT c.id, $3 FROM postrider.credential c JOIN postrider.domain d ON d.tenant = c.tenant
      WHERE c.name = $1 AND c.covers_domain = $2 AND d.name = $4
        AND (SELECT count(*) FROM postrider.allowed_sender a WHERE a.credential = c.id) < \(Self.allowedSendersMax)
      ON CONFLICT (credential, sender) DO UPDATE SET sender = EXCLUDED.sender RETURNING 1
      """
    ) {
      $0.append(login.description)
      $0.append(login.localPart == nil)
      $0.append(sender.description)
      $0.append(sender.domain)
    }
    guard rows.rowCount == 1 else {
      throw DirectoryFailure(
        .missing,
        "there is no credential \(login.description) whose tenant has the domain \(sender.domain), or it has "
          + "\(Self.allowedSendersMax) senders already")
    }
    return try update(login, "name = c.name")
  }

  /// So many fit into what is read at each login.
  private static var allowedSendersMax: Int { 100 }

  @discardableResult
  package func disallowSender(_ sender: String, for name: String) throws(DirectoryFailure) -> Credential {
    let login = try credentialName(name)
    let rows = try rows(
      """
      DELETE FROM postrider.allowed_sender a USING postrider.credential c
      WHERE a.credential = c.id AND c.name = $1 AND c.covers_domain = $2 AND a.sender = $3 RETURNING 1
      """
    ) {
      $0.append(login.description)
      $0.append(login.localPart == nil)
      $0.append(LoginName(sender)?.description ?? sender)
    }
    guard rows.rowCount == 1 else {
      throw DirectoryFailure(.missing, "\(login.description) has no sender \(sender)")
    }
    return try update(login, "name = c.name")
  }

  /// - Parameter tenant: nil for all.
  package func credentials(tenant: String? = nil) throws(DirectoryFailure) -> [Credential] {
    let rows = try rows(
      """
      SELECT \(Credential.columns) FROM postrider.credential c JOIN postrider.tenant t ON t.id = c.tenant
      JOIN postrider.domain d ON d.id = c.domain
      WHERE t.name = $1 OR $1 = '' ORDER BY t.name, d.name, c.covers_domain DESC, c.name
      """
    ) { $0.append(tenant ?? "") }
    return try all(rows, Credential.init)
  }

  @discardableResult
  package func disableCredential(_ name: String) throws(DirectoryFailure) -> Credential {
    try update(credentialName(name), "disabled_at = coalesce(c.disabled_at, now())")
  }

  @discardableResult
  package func enableCredential(_ name: String) throws(DirectoryFailure) -> Credential {
    try update(credentialName(name), "disabled_at = NULL")
  }

  /// For mail that is accepted from now on.
  @discardableResult
  package func setRetention(_ choice: RetentionChoice, ofCredential name: String) throws(DirectoryFailure) -> Credential
  {
    let login = try credentialName(name)
    let rows = try rows(
      """
      UPDATE postrider.credential c SET retention = $3, retention_bounced = $4
      FROM postrider.tenant t, postrider.domain d
      WHERE c.name = $1 AND c.covers_domain = $2 AND t.id = c.tenant AND d.id = c.domain
      RETURNING \(Credential.columns)
      """
    ) {
      $0.append(login.description)
      $0.append(login.localPart == nil)
      choice.append(to: &$0)
    }
    return try one(rows, missing: "there is no credential \(login.description)", Credential.init)
  }

  /// Every change is another version, so that no process goes on with what it remembers.
  private func update(
    _ login: LoginName, _ change: String, _ value: String? = nil
  ) throws(DirectoryFailure) -> Credential {
    let rows = try rows(
      """
      UPDATE postrider.credential c SET \(change), version = c.version + 1
      FROM postrider.tenant t, postrider.domain d
      WHERE c.name = $1 AND c.covers_domain = $2 AND t.id = c.tenant AND d.id = c.domain
      RETURNING \(Credential.columns)
      """
    ) {
      $0.append(login.description)
      $0.append(login.localPart == nil)
      if let value { $0.append(value) }
    }
    return try one(rows, missing: "there is no credential \(login.description)", Credential.init)
  }

  private func credentialName(_ text: String) throws(DirectoryFailure) -> LoginName {
    guard let name = LoginName(text), isDomainName(name.domain) else {
      throw DirectoryFailure(.invalid, "«\(text)» is neither an address nor a domain")
    }
    guard text.utf8.count == name.description.utf8.count else {
      throw DirectoryFailure(
        .invalid, "«\(text)» has a tag: «\(name.description)» is the name with which every «+tag» logs in")
    }
    return name
  }

  private func secret(of password: [UInt8]?) throws(DirectoryFailure) -> (secret: String, made: String?) {
    let made = password == nil ? Random.password() : nil
    do throws(CryptographyFailure) {
      return (try PasswordHash.make(password ?? Array((made ?? "").utf8)), made)
    } catch {
      throw DirectoryFailure(.invalid, error.reason)
    }
  }
}
