/// A Redis Sentinel of our own on loopback, which watches one master and its replicas.
package struct PrivateSentinel: Sendable {
  package let directory: String
  package let port: Int
  /// For clients and between Sentinels; nil: none is asked for.
  package let password: String?
  package let user: UnprivilegedUser?

  package static let readyLine = "+monitor master"

  package init(directory: String, port: Int, password: String?, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.password = password
    self.user = user
  }

  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  /// Writes its configuration, which it will change by itself.
  /// - Parameters:
  ///   - name: of the master and its replicas together.
  ///   - quorum: how many Sentinels must find the master dead.
  ///   - downAfter: how long it must have been silent.
  package func prepare(name: String, master: PrivateRedis, quorum: Int, downAfter: Duration) throws(FileFailure) {
    try PrivateDirectory.make(directory, owner: user)
    let milliseconds = downAfter.components.seconds * 1000 + downAfter.components.attoseconds / 1_000_000_000_000_000
    let configuration = """
      bind 127.0.0.1
      port \(port)
      dir \(visibleDirectory)
      daemonize no
      \(password.map { "requirepass \($0)" } ?? "protected-mode yes")
      sentinel monitor \(name) 127.0.0.1 \(master.port) \(quorum)
      sentinel down-after-milliseconds \(name) \(milliseconds)
      sentinel failover-timeout \(name) 5000
      \(master.password.map { "sentinel auth-pass \(name) \($0)" } ?? "")

      """
    try PrivateDirectory.write(configuration, to: "\(directory)/sentinel.conf", owner: user)
  }

  package var server: ProcessSpecification {
    ProcessSpecification(
      "sentinel", program: "redis-server", arguments: ["\(visibleDirectory)/sentinel.conf", "--sentinel"],
      environment: ProcessSpecification.plainEnvironment, directory: "/",
      openedDirectory: user == nil ? nil : directory, user: user)
  }
}
