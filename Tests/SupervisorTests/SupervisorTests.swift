import Foundation
import MailTesting
import Supervision
import Synchronization
import Testing

@Suite("Supervisor")
struct SupervisorTests {
  private func shell(_ name: String, _ script: String) -> ProcessSpecification {
    ProcessSpecification(name, program: "/bin/sh", arguments: ["-c", script])
  }

  /// Notes that it was asked to stop, in a file that all share.
  private func polite(_ name: String, _ file: String) -> ManagedProcess {
    let script = "trap 'echo \(name) >> \(file); exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    return ManagedProcess(shell(name, script), readiness: .line("ready"))
  }

  @Test("starts in order, stops in reverse, and leaves nobody behind")
  func order() async throws {
    let files = try TemporaryDirectory()
    let order = files.path("order")
    let said = Mutex<[String]>([])
    let supervisor = try Supervisor(
      ["one", "two", "three"].map { polite($0, order) }, directory: files.path,
      report: { line in said.withLock { $0.append(line) } })
    try await supervisor.start()
    let child = try #require(await supervisor.child("two"))
    #expect(FileManager.default.fileExists(atPath: files.path("run/two.pid")))
    await supervisor.stop()
    #expect(!child.isRunning)
    #expect(try String(contentsOfFile: order, encoding: .utf8) == "three\ntwo\none\n")
    #expect(try String(contentsOfFile: files.path("log/one.log"), encoding: .utf8) == "ready\n")
    #expect(said.withLock { $0.contains("two | ready") })
    #expect(!FileManager.default.fileExists(atPath: files.path("run/two.pid")))
  }

  @Test("a process that dies is started again, with growing pauses")
  func restart() async throws {
    let files = try TemporaryDirectory()
    let pauses = Mutex<[Duration]>([])
    let supervisor = try Supervisor(
      [ManagedProcess(shell("mortal", "exit 3"))], directory: files.path, backOff: BackOff(jitter: 0),
      report: { _ in },
      sleep: { pause in
        let isEnough = pauses.withLock { pauses in
          pauses.append(pause)
          return pauses.count > 7
        }
        if isEnough { try await Task.sleep(for: .seconds(3600)) }
      })
    try await supervisor.start()
    try await supervisor.restarts.wait(atMost: .seconds(180), for: "seven restarts") { $0["mortal"] == 7 }
    await supervisor.stop()
    let first = pauses.withLock { $0.prefix(7) }
    #expect(first == [0.5, 1, 2, 4, 8, 16, 30].map { Duration.milliseconds(Int64($0 * 1000)) }[...])
  }

  @Test("kill -9 of a running process brings a new one")
  func killed() async throws {
    let files = try TemporaryDirectory()
    let supervisor = try Supervisor(
      [polite("victim", files.path("order"))], directory: files.path, report: { _ in }, sleep: { _ in })
    try await supervisor.start()
    let before = try #require(await supervisor.child("victim"))
    before.send(.kill)
    try await supervisor.restarts.wait(atMost: .seconds(180), for: "a restart") { $0["victim"] == 1 }
    let after = try #require(await supervisor.child("victim"))
    #expect(after.processID != before.processID)
    await supervisor.stop()
    #expect(!after.isRunning)
  }

  @Test("when one does not come up, the reason is told and the others are stopped")
  func failedStart() async throws {
    let files = try TemporaryDirectory()
    let bad = ManagedProcess(shell("bad", "echo no such luck; exit 1"), readiness: .line("ready"))
    let supervisor = try Supervisor(
      [polite("good", files.path("order")), bad], directory: files.path, report: { _ in })
    let error = try #require(await #expect(throws: ProcessEnded.self) { try await supervisor.start() })
    #expect("\(error)".contains("no such luck"))
    #expect(try String(contentsOfFile: files.path("order"), encoding: .utf8) == "good\n")
  }

  @Test("one that does not want to stop is killed")
  func stubborn() async throws {
    let files = try TemporaryDirectory()
    let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
    let process = ManagedProcess(
      shell("stubborn", script), readiness: .line("ready"), stopLimit: .milliseconds(50))
    let supervisor = try Supervisor([process], directory: files.path, report: { _ in })
    try await supervisor.start()
    let child = try #require(await supervisor.child("stubborn"))
    await supervisor.stop()
    #expect(try await child.waitForExit() == .signalled(9))
  }

  @Test("what an earlier supervisor left alive is ended, a stranger with the same number is not")
  func leftovers() async throws {
    let files = try TemporaryDirectory()
    let supervisor = try Supervisor(
      [polite("left", files.path("order"))], directory: files.path, report: { _ in },
      sleep: { _ in try await Task.sleep(for: .seconds(3600)) })
    try await supervisor.start()
    let child = try #require(await supervisor.child("left"))
    let note = try String(contentsOfFile: files.path("run/left.pid"), encoding: .utf8)
    try files.write("\(child.processID) 1@nowhere 15\n", to: "run/left.pid")
    #expect(try await Leftovers.end(in: files.path("run")) == [])
    #expect(child.isRunning)
    try files.write(note, to: "run/left.pid")
    #expect(try await Leftovers.end(in: files.path("run")) == ["left"])
    #expect(try await child.waitForExit() == .exited(0))
    await supervisor.stop()
  }

  @Test("a second supervisor is kept out and told by whom")
  func lock() throws {
    let files = try TemporaryDirectory()
    let first = try SupervisorLock(files.path("lock"))
    let failure = #expect(throws: FileFailure.self) { try SupervisorLock(files.path("lock")) }
    #expect(failure?.description.contains("process \(getpid())") == true)
    withExtendedLifetime(first) {}
  }

  @Test("the process that has a port is found")
  func portHolder() async throws {
    let port = LoopbackPort.free()
    #expect(PortHolder.ofTCP(port) == nil)
    let script = "import socket; s=socket.create_server(('127.0.0.1',\(port))); print('ready',flush=True); s.accept()"
    let holder = try ProcessHarness("python3", ["-c", script])
    try await holder.waitForLine(containing: "ready")
    #expect(PortHolder.ofTCP(port)?.processID == holder.processID)
    #expect(!LoopbackPort.isFree(port, at: "127.0.0.1"))
    #expect(LoopbackPort.isFree(port, at: "127.0.0.9"))
  }
}
