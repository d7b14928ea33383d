import Foundation
import MailTesting
import Testing

/// `postrider bounce-info`, run as it is: without settings and without a database.
@Suite struct BounceInfoCommandTests {
  @Test func oneReply() throws {
    let (status, output, _) = try run(["bounce-info", "552", "5.2.2", "Mailbox", "full"], input: "")
    #expect(status == 0)
    #expect(
      output
        == """
        {"id":null,"temporary":true,"action":"retry","category":"mailbox_full","status":"4.2.2",\
        "line":"552 5.2.2 Mailbox full"}

        """)
    let (_, piped, _) = try run(["bounce-info"], input: "550-Sorry,\r\n550 5.1.1 no such user\r\n")
    #expect(piped.contains("\"category\":\"user_unknown\"") && piped.contains("\"line\":\"550 5.1.1 no such user\""))
  }

  @Test func jsonLines() throws {
    let input = """
      {"id": 7, "reply": "450 4.7.1 Greylisted"}
      not JSON

      {"id": "b"}
      {"id": ["x"], "reply": "550 5.1.1 gone\\u0000 \\u001b[2J"}
      """
    let (status, output, errors) = try run(["bounce-info", "--jsonl"], input: input)
    #expect(status == 65)
    let lines = output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
      lines.first?.hasPrefix("{\"id\":7,\"temporary\":true,\"action\":\"retry\",\"category\":\"greylist\"") == true)
    #expect(lines.last?.hasPrefix("{\"id\":[\"x\"],\"temporary\":false") == true && !output.contains("\u{1B}"))
    #expect(errors.contains("line 2: not JSON\n") && errors.contains("line 4: no \"reply\" in the object\n"))
    #expect(errors.hasSuffix("2 lines could not be read\n"))
  }

  @Test func nothingToRead() throws {
    #expect(try run(["bounce-info"], input: "\n").status == 65)
    #expect(try run(["bounce-info", "--jsonl"], input: "").status == 0)
  }

  private func run(_ arguments: [String], input: String) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(filePath: ProcessHarness.productsDirectory).appending(path: "postrider")
    process.arguments = arguments
    process.environment = [:]
    let (stdin, output, errors) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (stdin, output, errors)
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let said = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: printed, as: UTF8.self), String(decoding: said, as: UTF8.self))
  }
}
