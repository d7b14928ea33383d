internal import Foundation

/// The process that listens on a port, as far as /proc tells us (all of them for root, our own otherwise).
package struct PortHolder: Sendable, CustomStringConvertible {
  package let processID: Int32
  package let command: String

  package var description: String { "\(command) (process \(processID))" }

  /// nil when nobody listens there or we may not know.
  package static func ofTCP(_ port: Int) -> PortHolder? {
    // The kernel's table is read piece by piece while sockets come and go: one look can miss a line.
    var inodes: Set<String> = []
    for _ in 0..<5 where inodes.isEmpty { inodes = listeningInodes(port) }
    guard !inodes.isEmpty, let processes = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else {
      return nil
    }
    for process in processes {
      guard let id = Int32(process), holdsSocket(id, inodes) else { continue }
      let command = contents(ofFile: "/proc/\(id)/comm").trimmingCharacters(in: .whitespacesAndNewlines)
      return PortHolder(processID: id, command: command)
    }
    return nil
  }

  /// Whether this very process listens there, which a connection alone does not tell when several share a port.
  package static func listens(_ processID: Int32, on port: Int) -> Bool {
    holdsSocket(processID, listeningInodes(port))
  }

  private static func listeningInodes(_ port: Int) -> Set<String> {
    Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeningInodes(port, table: contents(ofFile: $0)) })
  }

  /// Lines of proc(5), /proc/net/tcp: number, local address, remote address, state (0A listens), …, inode tenth.
  private static func listeningInodes(_ port: Int, table: String) -> [String] {
    let hexadecimal = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
    return table.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count > 9, fields[3] == "0A", fields[1].hasSuffix(suffix) else { return nil }
      return String(fields[9])
    }
  }

  private static func holdsSocket(_ processID: Int32, _ inodes: Set<String>) -> Bool {
    let folder = "/proc/\(processID)/fd"
    guard let descriptors = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return false }
    return descriptors.contains { name in
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)") else {
        return false
      }
      return target.hasPrefix("socket:[") && inodes.contains(String(target.dropFirst(8).dropLast()))
    }
  }
}

/// The text of a file, empty when it cannot be read.
///
/// To its end: the kernel's tables tell no size, and FileManager takes their first page for all of it.
func contents(ofFile path: String) -> String {
  guard let data = try? FileHandle(forReadingAtPath: path)?.readToEnd() else { return "" }
  return String(decoding: data, as: UTF8.self)
}
