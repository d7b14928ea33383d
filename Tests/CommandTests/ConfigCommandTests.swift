import Foundation
import Testing

@testable import postrider

/// Runs the built executable as an operator would.
private func runPostrider(_ arguments: [String], environment: [String: String] = [:]) throws -> (
  status: Int32, output: String, errors: String
) {
  let process = Process()
  // The executable stands beside the test bundle.
  process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
    path: "postrider")
  process.arguments = arguments
  process.environment = environment
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let printed = try output.fileHandleForReading.readToEnd() ?? Data()
  let said = try errors.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: printed, as: UTF8.self), String(decoding: said, as: UTF8.self))
}

@Suite struct ConfigCommandTests {
  @Test func showsValuesAndOrigins() throws {
    let result = try runPostrider(
      ["config", "--changed", "--set", "database.url=postgresql://me:s3cret@db/x"],
      environment: ["POSTRIDER_LOG_LEVEL": "debug"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(
      result.output
        == """
        KEY           VALUE                     FROM
        database.url  postgresql://me:***@db/x  --set
        log.level     debug                     POSTRIDER_LOG_LEVEL

        """)
  }

  @Test func showsJSON() throws {
    let result = try runPostrider(["config", "show", "--json"])
    let entries = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: String]])
    #expect(entries.contains(["key": "retry.period", "value": "5d", "origin": "default"]))
  }

  @Test func refusesWithItsOwnCode() throws {
    for arguments in [["config", "check"], ["config"]] {
      let result = try runPostrider(arguments + ["--set", "retry.frist=5m"])
      #expect(result.status == 78 && result.output.isEmpty)
      #expect(
        result.errors.hasPrefix("postrider: --set: unknown key \"retry.frist\"; did you mean retry.first?\n"))
    }
    let json = try runPostrider(["config", "check", "--json", "--set", "log.format=xml"])
    #expect(json.status == 78 && json.output.contains("\"ok\" : false") && json.errors.isEmpty)
    #expect(try runPostrider(["config", "check"]).output == "The settings are in order.\n")
    #expect(try runPostrider(["config", "--nonsense"]).status == 64)
  }

  @Test func documentsItself() throws {
    let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
    let settings = try String(contentsOf: docs.appending(path: "configuration.md"), encoding: .utf8)
    #expect(try runPostrider(["config", "documentation"]).output == settings)
    let commands = try String(contentsOf: docs.appending(path: "commands.md"), encoding: .utf8)
    #expect(commands.contains(ExitStatus.table))
    for shell in ["bash", "zsh", "fish"] {
      let script = try runPostrider(["--generate-completion-script", shell])
      #expect(script.status == 0 && script.output.contains("smtp.hostname="))
    }
  }
}
