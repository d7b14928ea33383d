import Foundation
import Logging
import Observability
import Testing

@Suite struct LoggedLineTests {
  /// What stands in a line comes back escaped, whichever format it had.
  @Test(arguments: LogFormat.allCases) func aWrittenLineIsReadBack(format: LogFormat) throws {
    let addresses = ["bob@inbox.example", #""a b"@x.example"#, #"back\slash=1@x.example"#, "ü\u{1B}@x.example"]
    let pipe = Pipe()
    let output = LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor)
    let logger = Logger(label: "mail") { LineHandler(label: $0, format: format, level: .info, output: output) }
    for address in addresses {
      logger.info(
        "delivered", metadata: .fields([.messageID: "X", .recipient: address, .attempt: 2, .reply: "ok =\"1\""]))
    }
    output.flush(seconds: 30)
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.count == addresses.count)
    for (line, address) in zip(lines, addresses) {
      for prefix in ["", "worker1  | ", "Jan 30 14:05:00 mail1 postrider[7]: "] {
        let read = try #require(LoggedLine(prefix + line))
        #expect(read.message == "delivered")
        #expect(read[.messageID] == "X" && read[.attempt] == "2")
        #expect(read[.recipient] == escaped(address))
        #expect(read[.reply] == escaped("ok =\"1\""))
      }
    }
  }

  @Test func whatIsNoLineIsNone() {
    for text in ["", "hello", "{\"time\":\"", "{\"time\":\"x\"}", "2026-01-30 14:05:00 INFO delivered id=X"] {
      #expect(LoggedLine(text) == nil)
    }
  }
}
