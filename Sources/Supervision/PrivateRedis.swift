/// A Redis of our own on loopback: nothing is kept on disk, for nothing in Redis is true for long.
package struct PrivateRedis: Sendable {
  package let directory: String
  package let port: Int
  /// nil: none is asked for.
  package let password: String?
  package let user: UnprivilegedUser?
  /// The port of the server that this one follows at first.
  package var follows: Int?

  package static let readyLine = "Ready to accept connections"

  package init(directory: String, port: Int, password: String?, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.password = password
    self.user = user
  }

  package var url: String {
    "redis://\(password.map { "default:\($0)@" } ?? "")127.0.0.1:\(port)/0"
  }

  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  /// Writes its configuration; the password is in the file, not in the command line, which everybody may read.
  package func prepare() throws(FileFailure) {
    try PrivateDirectory.make(directory, owner: user)
    let configuration = """
      bind 127.0.0.1
      port \(port)
      dir \(visibleDirectory)
      save ""
      appendonly no
      daemonize no
      maxmemory 256mb
      maxmemory-policy noeviction
      \(password.map { "requirepass \($0)\nmasterauth \($0)" } ?? "protected-mode yes")
      \(follows.map { "replicaof 127.0.0.1 \($0)" } ?? "")
      repl-diskless-sync-delay 0

      """
    try PrivateDirectory.write(configuration, to: "\(directory)/redis.conf", owner: user)
  }

  package var server: ProcessSpecification {
    ProcessSpecification(
      "redis", program: "redis-server", arguments: ["\(visibleDirectory)/redis.conf"],
      environment: ProcessSpecification.plainEnvironment, directory: "/",
      openedDirectory: user == nil ? nil : directory, user: user)
  }
}
