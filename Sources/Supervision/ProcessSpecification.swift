internal import CProcess
internal import Glibc

/// How to run a program.
package struct ProcessSpecification: Sendable {
  /// For messages and file names.
  package var name: String
  /// A path, or a name that is looked up in `PATH`.
  package var program: String
  package var arguments: [String]
  /// The whole environment of the child.
  package var environment: [String: String]
  /// Working directory; nil: ours.
  package var directory: String?
  /// A directory that the child reaches as `openedDirectoryPath` whatever may be searched above it.
  package var openedDirectory: String?
  /// Run as somebody else; only root may.
  package var user: UnprivilegedUser?
  /// What the child gets when we die without a goodbye (prctl(2), PR_SET_PDEATHSIG).
  package var deathSignal: Signal

  package init(
    _ name: String, program: String, arguments: [String] = [], environment: [String: String]? = nil,
    directory: String? = nil, openedDirectory: String? = nil, user: UnprivilegedUser? = nil,
    deathSignal: Signal = .terminate
  ) {
    self.name = name
    self.program = program
    self.arguments = arguments
    self.environment = environment ?? ProcessSpecification.inheritedEnvironment
    self.directory = directory
    self.openedDirectory = openedDirectory
    self.user = user
    self.deathSignal = deathSignal
  }

  /// Where a child finds its `openedDirectory`.
  package static let openedDirectoryPath = "/proc/self/fd/\(CHILD_DIRECTORY_DESCRIPTOR)"

  /// Our own environment.
  package static var inheritedEnvironment: [String: String] {
    var result: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
      entry += 1
    }
    return result
  }

  /// What a server of somebody else's needs: nothing of our environment leaks into it.
  package static let plainEnvironment = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
    "TZ": "UTC", "HOME": "/",
  ]

  /// The program's path; nil when there is none.
  package var resolvedProgram: String? {
    if program.contains("/") { return program }
    let path = environment["PATH"] ?? ""
    let administration = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
    return (path.split(separator: ":").map(String.init) + administration).map { "\($0)/\(program)" }
      .first { access($0, X_OK) == 0 }
  }
}

/// The signals that we send.
package enum Signal: Int32, Sendable {
  case hangUp = 1
  case interrupt = 2
  case quit = 3
  case kill = 9
  case terminate = 15
  case `continue` = 18
  case stop = 19

  package var name: String {
    switch self {
    case .hangUp: "SIGHUP"
    case .interrupt: "SIGINT"
    case .quit: "SIGQUIT"
    case .kill: "SIGKILL"
    case .terminate: "SIGTERM"
    case .continue: "SIGCONT"
    case .stop: "SIGSTOP"
    }
  }
}

/// How a process ended.
package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  package var isSuccess: Bool { self == .exited(0) }

  package var description: String {
    switch self {
    case .exited(let code): "ended with exit code \(code)"
    case .signalled(let number): "was ended by \(Signal(rawValue: number)?.name ?? "signal \(number)")"
    }
  }
}
