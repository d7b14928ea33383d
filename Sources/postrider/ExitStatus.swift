internal import Foundation
internal import Observability
internal import Settings

/// What the exit code of a command means; above 2 the numbers are those of sysexits.h.
enum ExitStatus: Int32, CaseIterable {
  case success = 0
  case failure = 1
  case unhealthy = 2
  case usage = 64
  case data = 65
  case notFound = 66
  case unavailable = 69
  case exists = 73
  case temporary = 75
  case denied = 77
  case configuration = 78

  var meaning: String {
    switch self {
    case .success: "done"
    case .failure: "failed, for a reason that has no code of its own"
    case .unhealthy: "a check found something to repair"
    case .usage: "the command line is not understood"
    case .data: "what was to be read is not in the right form"
    case .notFound: "what was asked for does not exist"
    case .unavailable: "the database or another service cannot be reached"
    case .exists: "what was to be made exists already"
    case .temporary: "not now: trying again later may help"
    case .denied: "not allowed"
    case .configuration: "the settings are refused"
    }
  }

  /// One line for each, for help and documentation.
  static var table: String {
    allCases.map { status in
      let code = String(status.rawValue)
      return String(repeating: " ", count: 4 - code.count) + code + "  " + status.meaning
    }.joined(separator: "\n")
  }
}

/// Ends a command with a message and a code. Throw it from anywhere in a command.
struct CommandFailure: Error {
  let status: ExitStatus
  /// One sentence or several lines, without a full stop at the end; may hold text from outside.
  let message: String
  /// What to do about it.
  var advice: String?

  init(_ status: ExitStatus, _ message: String, advice: String? = nil) {
    self.status = status
    self.message = message
    self.advice = advice
  }

  init(_ fault: SettingsFault) {
    self.init(
      .configuration, fault.problems.joined(separator: "\n"),
      advice: "docs/configuration.md lists every key; `postrider config check` checks without starting")
  }

  /// Tells it on stderr and ends the process.
  func end() -> Never {
    Logs.flush()
    var text = ""
    for line in message.split(separator: "\n") { text += "postrider: " + escaped(String(line)) + "\n" }
    if let advice { text += "postrider: " + escaped(advice) + "\n" }
    FileHandle.standardError.write(Data(text.utf8))
    exit(status.rawValue)
  }
}
