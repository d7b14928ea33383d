internal import Glibc

/// Somebody to become when we are root: PostgreSQL refuses root, and the rest need not be it.
package struct UnprivilegedUser: Sendable, Hashable {
  package let name: String
  package let user: UInt32
  package let group: UInt32

  /// nil when there is no such user, or it is root.
  package init?(named name: String) {
    guard let entry = getpwnam(name) else { return nil }
    self.init(entry.pointee)
  }

  /// nil when there is no such user, or it is root.
  package init?(id: UInt32) {
    guard let entry = getpwuid(id) else { return nil }
    self.init(entry.pointee)
  }

  private init?(_ entry: passwd) {
    guard entry.pw_uid != 0 else { return nil }
    name = String(cString: entry.pw_name)
    user = entry.pw_uid
    group = entry.pw_gid
  }

  /// Whether we are root.
  package static var isNeeded: Bool { geteuid() == 0 }

  /// Whom to become: nobody's privileges are wanted, so a person who called sudo, else `nobody`, else `postgres`.
  /// nil when we are not root and stay who we are.
  package static func choose(environment: [String: String]) -> UnprivilegedUser? {
    guard isNeeded else { return nil }
    if let text = environment["SUDO_UID"], let id = UInt32(text), let person = UnprivilegedUser(id: id) {
      return person
    }
    return UnprivilegedUser(named: "nobody") ?? UnprivilegedUser(named: "postgres")
  }
}
