/// A name server (nsd) of our own on loopback, authoritative for zones that are given as text.
package struct PrivateNameServer: Sendable {
  package let directory: String
  package let port: Int
  package let user: UnprivilegedUser?

  package static let readyLine = "nsd started"

  package init(directory: String, port: Int, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.user = user
  }

  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  /// Writes the zones and the configuration.
  /// - Parameter zones: zone name without final dot (empty: the root) to its master file (RFC 1035 §5); a zone
  ///   without SOA gets one, with NS. An empty text makes a zone that answers SERVFAIL.
  package func prepare(zones: [String: String]) throws(FileFailure) {
    try PrivateDirectory.make(directory, owner: user)
    var configuration = """
      server:
        ip-address: 127.0.0.1
        port: \(port)
        username: ""
        chroot: ""
        database: ""
        pidfile: ""
        zonesdir: "\(visibleDirectory)"
        zonelistfile: "\(visibleDirectory)/zone.list"
        xfrdfile: "\(visibleDirectory)/xfrd.state"
        xfrdir: "\(visibleDirectory)"
        logfile: ""
        server-count: 1
        hide-version: yes
        refuse-any: no
        round-robin: no
        verbosity: 1
        rrl-ratelimit: 0
      remote-control:
        control-enable: no

      """
    for (index, zone) in zones.sorted(by: { $0.key < $1.key }).enumerated() {
      let file = "zone\(index).txt"
      configuration += "zone:\n  name: \"\(zone.key.isEmpty ? "." : zone.key)\"\n  zonefile: \"\(file)\"\n"
      let text = zone.value.isEmpty ? "" : Self.complete(zone.value, zone: zone.key)
      if !text.isEmpty { try PrivateDirectory.write(text, to: "\(directory)/\(file)", owner: user) }
    }
    try PrivateDirectory.write(configuration, to: "\(directory)/nsd.conf", owner: user)
  }

  private static func complete(_ text: String, zone: String) -> String {
    guard !text.contains("SOA") else { return text + "\n" }
    let origin = zone.isEmpty ? "." : "\(zone)."
    return """
      $ORIGIN \(origin)
      $TTL 60
      @ IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60
      @ IN NS ns.invalid.
      \(text)

      """
  }

  /// The server in the foreground. SIGHUP reads changed zone files again.
  package var server: ProcessSpecification {
    ProcessSpecification(
      "nsd", program: "nsd", arguments: ["-d", "-c", "\(visibleDirectory)/nsd.conf"],
      environment: ProcessSpecification.plainEnvironment, directory: "/",
      openedDirectory: user == nil ? nil : directory, user: user)
  }
}
