internal import Foundation
internal import Glibc

/// A Dovecot of our own on loopback: IMAP and POP3 over TLS, LMTP, logins and mailboxes by our database.
///
/// It runs as one user, without the separation of its processes that root gives it: for trials. `cluster/dovecot` is for
/// real mail.
package struct PrivateDovecot: Sendable {
  package struct Ports: Sendable, Hashable {
    package var imap: Int
    package var pop3: Int
    package var lmtp: Int

    package init(imap: Int, pop3: Int, lmtp: Int) {
      self.imap = imap
      self.pop3 = pop3
      self.lmtp = lmtp
    }

    package var all: [Int] { [imap, pop3, lmtp] }
  }

  /// Where its accounts are, as a role that may do nothing else.
  package struct Accounts: Sendable {
    package var port: Int
    package var database: String
    package var role: String
    package var password: String

    package init(port: Int, database: String, role: String, password: String) {
      self.port = port
      self.database = database
      self.role = role
      self.password = password
    }
  }

  /// Absolute; the user must be able to reach it.
  package let directory: String
  package let ports: Ports
  package let accounts: Accounts
  package let certificate: String
  package let key: String
  package let user: UnprivilegedUser?

  package init(
    directory: String, ports: Ports, accounts: Accounts, certificate: String, key: String, user: UnprivilegedUser?
  ) {
    self.directory = directory
    self.ports = ports
    self.accounts = accounts
    self.certificate = certificate
    self.key = key
    self.user = user
  }

  /// What to install when something is missing; nil: all is there.
  package static var missing: String? {
    let plain = ProcessSpecification("dovecot", program: "dovecot", environment: ProcessSpecification.plainEnvironment)
    let places = ["/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot"]
    let isThere = { (name: String) in places.contains { access("\($0)/\(name)", F_OK) == 0 } }
    let parts = ["imap", "pop3", "lmtp", "modules/libdriver_pgsql.so"]
    guard plain.resolvedProgram == nil || !parts.allSatisfy(isThere) else { return nil }
    return "dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-pgsql"
  }

  /// Its sockets are below the directory, and a socket's path has room for 107 octets.
  package static let directoryLengthMax = 107 - "/run/token-login/imap-urlauth".utf8.count

  /// Writes its configuration.
  package func prepare() throws(FileFailure) {
    guard directory.utf8.count <= Self.directoryLengthMax else {
      throw FileFailure(path: directory, reason: "the path is too long for Dovecot's sockets")
    }
    for name in ["", "/run", "/state", "/mail"] { try PrivateDirectory.make(directory + name, owner: user) }
    try PrivateDirectory.write(sql(passwords: 1), to: "\(directory)/sql.conf", owner: user)
    try PrivateDirectory.write(sql(passwords: 2), to: "\(directory)/sql-before.conf", owner: user)
    try PrivateDirectory.write(configuration, to: "\(directory)/dovecot.conf", owner: user)
  }

  package var server: ProcessSpecification {
    ProcessSpecification(
      "dovecot", program: "dovecot", arguments: ["-F", "-c", "\(directory)/dovecot.conf"],
      environment: ProcessSpecification.plainEnvironment, directory: "/", user: user)
  }

  /// - Parameter passwords: 1: the present ones; 2: those before, while they are good as well.
  private func sql(passwords: Int) -> String {
    """
    driver = pgsql
    connect = host=127.0.0.1 port=\(accounts.port) dbname=\(accounts.database) user=\(accounts.role) password=\(accounts.password)
    default_pass_scheme = CRYPT
    password_query = SELECT account AS user, secret AS password, '\(directory)/mail/' || directory AS userdb_home \\
      FROM mailbox.login('%u', \(passwords))
    user_query = SELECT account AS user, '\(directory)/mail/' || directory AS home FROM mailbox.delivery('%u')

    """
  }

  private var configuration: String {
    """
    protocols = imap pop3 lmtp
    auth_verbose = yes
    first_valid_uid = 1
    first_valid_gid = 1
    mail_uid = \(Self.names(user).user)
    mail_gid = \(Self.names(user).group)
    \(Self.unprivileged(in: directory, as: user))
    mail_location = maildir:~/Maildir
    namespace inbox {
      inbox = yes
    \(Self.folders)
    }

    ssl = required
    ssl_min_protocol = TLSv1.2
    ssl_cert = <\(certificate)
    ssl_key = <\(key)

    auth_mechanisms = plain login
    # A name reaches the database as it is, and no path is made of it.
    auth_username_format = %u
    auth_username_chars =
    recipient_delimiter =
    passdb {
      driver = sql
      args = \(directory)/sql.conf
    }
    passdb {
      driver = sql
      args = \(directory)/sql-before.conf
    }
    userdb {
      driver = prefetch
    }
    userdb {
      driver = sql
      args = \(directory)/sql.conf
    }

    mail_plugins = quota
    plugin {
      quota = count:mailbox
      quota_vsizes = yes
      quota_rule = *:storage=1G
      quota_grace = 0
    }
    protocol imap {
      mail_plugins = quota imap_quota
    }

    service imap-login {
      inet_listener imap {
        port = 0
      }
      inet_listener imaps {
        address = 127.0.0.1
        port = \(ports.imap)
        ssl = yes
      }
    }
    service pop3-login {
      inet_listener pop3 {
        port = 0
      }
      inet_listener pop3s {
        address = 127.0.0.1
        port = \(ports.pop3)
        ssl = yes
      }
    }
    service lmtp {
      inet_listener lmtp {
        address = 127.0.0.1
        port = \(ports.lmtp)
      }
    }

    """
  }

  private static let folders = ["Drafts", "Junk", "Sent", "Trash"].map { name in
    """
      mailbox \(name) {
        auto = subscribe
        special_use = \\\(name)
      }
    """
  }.joined(separator: "\n")

  /// What a Dovecot needs that root has not started: one user, and no root directories of its processes' own.
  /// - Parameter directory: has subdirectories `run` and `state`.
  package static func unprivileged(in directory: String, as user: UnprivilegedUser?) -> String {
    let (name, group) = names(user)
    let places = ["anvil", "imap-login", "pop3-login"].map { "service \($0) {\n  chroot =\n}" }
    return """
      base_dir = \(directory)/run
      state_dir = \(directory)/state
      log_path = /dev/stderr
      default_internal_user = \(name)
      default_internal_group = \(group)
      default_login_user = \(name)
      \(places.joined(separator: "\n"))
      """
  }

  /// The names of the user (nil: of us) and its group.
  package static func names(_ user: UnprivilegedUser?) -> (user: String, group: String) {
    let (number, group) = (user?.user ?? geteuid(), user?.group ?? getegid())
    let name = user?.name ?? getpwuid(number).map { String(cString: $0.pointee.pw_name) }
    return (name ?? "\(number)", getgrgid(group).map { String(cString: $0.pointee.gr_name) } ?? "\(group)")
  }
}
