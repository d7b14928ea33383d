import Foundation
import MailTesting
import Supervision
import Testing

@Suite("Child processes")
struct ChildProcessTests {
  @Test("output, lines and exit code are seen")
  func output() async throws {
    let process = try ProcessHarness("/bin/sh", ["-c", "echo one; echo two >&2; printf three; exit 7"])
    #expect(try await process.waitForLine(containing: "tw") == "two")
    #expect(try await process.waitForExit() == .exited(7))
    #expect(process.lines == ["one", "two", "three"])
  }

  @Test("a wait for a line ends when the process ends without it")
  func endsWithoutLine() async throws {
    let process = try ProcessHarness("/bin/sh", ["-c", "echo bad luck; exit 3"])
    await #expect(throws: ProcessEnded.self) { try await process.waitForLine(containing: "never") }
  }

  @Test("a program that does not exist is named")
  func noProgram() {
    #expect(throws: SpawnFailure.self) { try ProcessHarness("/nonexistent/program") }
    #expect(throws: SpawnFailure.self) { try ProcessHarness("no-such-program-anywhere") }
  }

  @Test("kill, terminate, freeze and thaw")
  func signals() async throws {
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do read -t 1 x < /dev/zero || sleep 0.01; done"
    let polite = try ProcessHarness("/bin/sh", ["-c", script])
    try await polite.waitForLine(containing: "ready")
    polite.freeze()
    polite.thaw()
    #expect(try await polite.terminate() == .exited(0))
    let stubborn = try ProcessHarness("/bin/sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"])
    try await stubborn.waitForLine(containing: "ready")
    stubborn.send(.terminate)
    try await stubborn.kill()
    #expect(try await stubborn.waitForExit() == .signalled(9))
  }

  @Test("the child starts with default signals, no descriptors of ours, and in its own session")
  func clean() async throws {
    let result = try await run("/bin/sh", ["-c", "ls /proc/self/fd; cut -d' ' -f6 /proc/$$/stat; echo $$"])
    let lines = result.output.split(separator: "\n").map(String.init)
    // 0, 1, 2, and the one with which ls reads the directory.
    #expect(lines.dropLast(2).count == 4)
    #expect(lines.suffix(2).first == lines.last)
  }

  @Test(
    "a directory that the child may not reach by its path is reached by descriptor",
    .enabled(if: UnprivilegedUser.isNeeded))
  func openedDirectory() async throws {
    let user = try #require(UnprivilegedUser(named: "nobody"))
    let temporary = try TemporaryDirectory()
    try PrivateDirectory.make(temporary.path("closed"), owner: nil)
    try PrivateDirectory.make(temporary.path("closed/open"), owner: user)
    let visible = ProcessSpecification.openedDirectoryPath
    let script = "id -u; ls \(temporary.path("closed/open")) 2>&1; echo text > \(visible)/file && cat \(visible)/file"
    let child = try ChildProcess.start(
      ProcessSpecification(
        "sh", program: "/bin/sh", arguments: ["-c", script], openedDirectory: temporary.path("closed/open"), user: user)
    )
    #expect(try await child.waitForExit().isSuccess)
    #expect(child.lines.first == "\(user.user)")
    #expect(child.lines.dropFirst().first?.contains("Permission denied") == true)
    #expect(child.lines.last == "text")
  }
}
