import Foundation
import Supervision

/// What lies where under `var/dev`, and how the processes that we start see it.
///
/// When root starts the node, everything that need not be root runs as somebody else. That somebody may be unable to
/// reach the directory (a checkout in /root): then the programs are copied into it, and the processes name everything
/// by a descriptor of the directory, which a child opens before it gives up being root.
struct DevLayout: Sendable {
  static let marker = "secrets"
  /// The settings, for people and for commands.
  static let configuration = "postrider.yaml"

  /// Absolute.
  let root: String
  /// As the user wrote it.
  let shownRoot: String
  /// Whom processes become; nil: they stay who we are.
  let user: UnprivilegedUser?
  /// Whether the processes reach it by its path.
  let isReachable: Bool
  /// What is put in front of a path for the processes.
  private let view: String
  /// The directory with `postrider` and `postrider-lab`, for the processes.
  let programs: String

  init(root: String) throws {
    shownRoot = root
    let absolute = URL(fileURLWithPath: root).standardizedFileURL.path
    guard !absolute.contains("'"), !absolute.contains("\n") else {
      throw DevFailure("the path \(absolute) holds a quotation mark or a newline; use another directory")
    }
    self.root = absolute
    let user = UnprivilegedUser.choose(environment: ProcessInfo.processInfo.environment)
    self.user = user
    try PrivateDirectory.make(absolute, owner: user)
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let directory = URL(fileURLWithPath: own).deletingLastPathComponent().path
    isReachable = Self.mayReach(absolute, executing: own, user)
    if isReachable {
      view = absolute
      programs = directory
    } else {
      view = ProcessSpecification.openedDirectoryPath
      programs = "\(view)/bin"
      try Self.copyPrograms(from: directory, to: "\(absolute)/bin")
      try Self.checkCopies(in: absolute, user)
    }
  }

  /// The settings as the processes that we start can read them.
  var visibleConfiguration: String { isReachable ? Self.configuration : "roles.yaml" }

  /// Where a file is for us.
  func path(_ name: String) -> String { "\(root)/\(name)" }

  /// Where it is for the processes that run in `root`.
  func visible(_ name: String) -> String { "\(view)/\(name)" }

  /// One of our own programs.
  func program(_ name: String, _ executable: String, _ arguments: [String]) -> ProcessSpecification {
    ProcessSpecification(
      name, program: "\(programs)/\(executable)", arguments: arguments, directory: "/",
      openedDirectory: isReachable ? nil : root, user: user)
  }

  private static func mayReach(_ directory: String, executing program: String, _ user: UnprivilegedUser?) -> Bool {
    guard let user else { return true }
    let script = "cd \"$0\" && \"$1\" --help"
    return succeeds(
      ProcessSpecification(
        "reach", program: "/bin/sh", arguments: ["-c", script, directory, program], directory: "/", user: user))
  }

  private static func succeeds(_ specification: ProcessSpecification) -> Bool {
    guard let child = try? ChildProcess.start(specification) else { return false }
    let done = DispatchSemaphore(value: 0)
    let result = Observed(false)
    Task.detached {
      let status = try? await child.waitForExit(atMost: .seconds(20))
      result.update { $0 = status?.isSuccess ?? false }
      done.signal()
    }
    done.wait()
    return result.value
  }

  private static func copyPrograms(from source: String, to target: String) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: target, withIntermediateDirectories: true)
    for name in ["postrider", "postrider-lab"] {
      let (old, new) = ("\(source)/\(name)", "\(target)/\(name)")
      try? files.removeItem(atPath: new)
      try files.copyItem(atPath: old, toPath: new)
      try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: new)
    }
    try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: target)
  }

  private static func checkCopies(in root: String, _ user: UnprivilegedUser?) throws {
    let trial = ProcessSpecification(
      "trial", program: "\(ProcessSpecification.openedDirectoryPath)/bin/postrider", arguments: ["--help"],
      directory: "/", openedDirectory: root, user: user)
    guard !succeeds(trial) else { return }
    throw DevFailure(
      """
      \(user?.name ?? "the unprivileged user") cannot run our programs from \(root), probably because the Swift \
      libraries are where only root may read. Build with --static-swift-stdlib, or move the checkout and the \
      toolchain out of root's home directory.
      """)
  }
}
