package struct MailboxSection: SettingSection {
  package let prefix = "mailboxes"
  package let title = "Mailboxes"

  package let lmtp = Setting(
    "mailboxes.lmtp", .optional(.hostAndPort), default: nil,
    "Where the server of the mailboxes (Dovecot) takes mail over LMTP for domains with `postrider domain mailboxes`; "
      + "empty: all mail goes by MX. It is not subject to `delivery.allow_networks`.")
  package let tls = Setting(
    "mailboxes.tls", .choice(DeliveryTLS.self), default: .opportunistic,
    "As `delivery.tls`. LMTP has no login: only workers may reach the port.")
  package let policy = MailboxPolicySection()
}

package struct MailboxPolicySection: SettingSection {
  package let prefix = "mailboxes.policy"
  package let title = "What the server of the mailboxes asks about logins"

  package let listen = Setting(
    "mailboxes.policy.listen", .list(of: .listen), default: [],
    "Where acceptors tell Dovecot (`auth_policy_server_url`) whether too many logins have failed, over HTTP without TLS: "
      + "addresses of loopback or of a private network; empty: nowhere, and wrong passwords over IMAP and POP3 are not counted "
      + "with those over SMTP.")
  package let keyFile = Setting(
    "mailboxes.policy.key_file", .optional(.file), default: nil,
    "The file with the secret that Dovecot shows (`auth_policy_server_api_header = X-API-Key: …`), one line, mode 0600. It "
      + "must be set unless all of `mailboxes.policy.listen` are of loopback.")
}

/// A host's port.
package struct HostAndPort: Sendable, Hashable, CustomStringConvertible {
  /// A host name or an address, without brackets.
  package let host: String
  package let port: Int

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension SettingType where Value == HostAndPort {
  static var hostAndPort: Self {
    Self(
      "host:port, for example 127.0.0.1:24", show: \.description,
      read: { text in
        guard case .network(let host, let port)? = ServiceAddress(text) else { return nil }
        return HostAndPort(host: host, port: port)
      })
  }
}
