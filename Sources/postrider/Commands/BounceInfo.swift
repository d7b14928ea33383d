internal import ArgumentParser
internal import BounceRules
internal import Foundation
internal import MailModel
internal import Observability

/// `postrider bounce-info`: what a remote server's reply means. Needs no settings and no database.
struct BounceInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bounce-info",
    abstract: "Tell what remote servers' replies mean: retry or bounce, and why.",
    discussion: """
      Reads one reply from the arguments or from standard input, or with --jsonl one JSON object with "reply" (and "id",
      which comes back) on each line. Prints one JSON object for each reply.
      """)

  @Flag(name: .long, help: "Read JSON lines {\"id\": …, \"reply\": …} from standard input.")
  var jsonl = false

  @Flag(name: .long, help: "Also print the detail, the rule that decided and the sentence for the sender.")
  var explain = false

  @Option(name: .long, help: "Which of our addresses was used.")
  var ourAddress: String?

  @Argument(help: "The reply; its words may be given as several arguments.")
  var reply: [String] = []

  func validate() throws {
    if jsonl, !reply.isEmpty { throw ValidationError("--jsonl reads standard input; it takes no reply as argument.") }
  }

  func run() throws {
    if jsonl { return try readLines() }
    let bytes =
      reply.isEmpty ? Array(FileHandle.standardInput.readDataToEndOfFile()) : Array(reply.joined(separator: " ").utf8)
    guard bytes.contains(where: { $0 > 0x20 }) else { throw CommandFailure(.data, "there is no reply to read") }
    print(try answer(to: bytes, id: "null"))
  }

  /// Every good line is answered, also after a bad one.
  private func readLines() throws {
    var bad = 0
    var number = 0
    var buffer = Data()
    func take(_ line: Data) throws {
      number += 1
      guard line.contains(where: { $0 > 0x20 }) else { return }
      do {
        let request = try Request(line)
        print(try answer(to: Array(request.reply.utf8), id: request.id))
      } catch let fault as Request.Fault {
        bad += 1
        FileHandle.standardError.write(Data("postrider: line \(number): \(escaped(fault.explanation))\n".utf8))
      }
    }
    while true {
      let chunk = FileHandle.standardInput.availableData
      buffer.append(chunk)
      var start = buffer.startIndex
      while let end = buffer[start...].firstIndex(of: 10) {
        try take(Data(buffer[start..<end]))
        start = end + 1
      }
      buffer = Data(buffer[start...])
      if chunk.isEmpty { break }
    }
    try take(buffer)
    if bad > 0 {
      throw CommandFailure(.data, bad == 1 ? "one line could not be read" : "\(bad) lines could not be read")
    }
  }

  private func answer(to reply: [UInt8], id: String) throws -> String {
    let info = getBounceInfo(.text(reply), situation: BounceSituation(ourAddress: ourAddress))
    var members = [
      ("id", id), ("temporary", info.isTemporary ? "true" : "false"), ("action", try json(info.action.rawValue)),
      ("category", try json(info.category.rawValue)), ("status", try json(info.status.description)),
      ("line", try json(info.line)),
    ]
    if explain {
      members += [
        ("detail", try info.detail.map { try json($0.rawValue) } ?? "null"), ("rule", try json(info.rule)),
        ("sentence", try json(info.sentence)),
      ]
    }
    return escaped(json: "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}")
  }

  private func json(_ text: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(text), as: UTF8.self)
  }
}

extension BounceInfoCommand {
  /// One line of input.
  private struct Request {
    struct Fault: Error {
      let explanation: String
    }

    /// JSON again, as it was given.
    let id: String
    let reply: String

    init(_ line: Data) throws {
      guard let value = try? JSONSerialization.jsonObject(with: line, options: [.fragmentsAllowed]) else {
        throw Fault(explanation: "not JSON")
      }
      guard let object = value as? [String: Any] else { throw Fault(explanation: "not a JSON object") }
      guard let reply = object["reply"] else { throw Fault(explanation: "no \"reply\" in the object") }
      guard let reply = reply as? String else { throw Fault(explanation: "\"reply\" is not a string") }
      self.reply = reply
      let id = object["id"] ?? NSNull()
      let data = try JSONSerialization.data(withJSONObject: id, options: [.fragmentsAllowed, .withoutEscapingSlashes])
      self.id = String(decoding: data, as: UTF8.self)
    }
  }
}
