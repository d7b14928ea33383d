import Foundation
import MailModel

/// A dialogue script: what to deliver, what the server says and expects, what comes out.
///
///     option NAME VALUE            see `DialogueTests`
///     recipient ADDRESS [NOTIFY=… ORCPT=…]
///     message TEXT                 with \r \n \xNN; default: a short message with a leading dot
///     === connection               what happens on the first connection, then on the second …
///     S TEXT                       the server writes a line
///     R TEXT                       the server writes bytes
///     C TEXT                       the client writes this line
///     ANY                          the client writes something
///     BODY                         the client writes the message, stuffed, and the final dot
///     STARTTLS TEXT                a line, then TLS
///     TLS                          TLS at once
///     CLOSE, RESET, HANG           the connection ends, is reset, or stays silent until the client ends it
///     === outcome
///     ADDRESS RESULT
struct Dialogue: Sendable, CustomStringConvertible {
  var description: String
  var options: [String: String] = [:]
  var recipients: [Recipient] = []
  var message = "Subject: x\r\n\r\n.leading dot\r\nlast\r\n"
  var connections: [[String]] = []
  var outcomes: [String] = []

  static let all: [Dialogue] = {
    let directory = Bundle.module.resourceURL?.appendingPathComponent("Dialogues")
    let files = directory.flatMap {
      try? FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)
    }
    return (files ?? []).filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }.compactMap { file in
      (try? String(contentsOf: file, encoding: .utf8)).map {
        Dialogue(file.deletingPathExtension().lastPathComponent, $0)
      }
    }
  }()

  init(_ name: String, _ text: String) {
    description = name
    var section = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init) where !line.hasPrefix("#")
    {
      if line.hasPrefix("=== ") {
        section = String(line.dropFirst(4))
        if section == "connection" { connections.append([]) }
      } else if section == "connection" {
        connections[connections.count - 1].append(line)
      } else if section == "outcome" {
        outcomes.append(line)
      } else {
        read(line.split(separator: " ", maxSplits: 1).map(String.init))
      }
    }
  }

  private mutating func read(_ words: [String]) {
    let value = words.count > 1 ? words[1] : ""
    switch words[0] {
    case "option":
      let parts = value.split(separator: " ", maxSplits: 1).map(String.init)
      options[parts[0]] = parts.count > 1 ? parts[1] : "yes"
    case "recipient":
      let parts = value.split(separator: " ").map(String.init)
      var recipient = Recipient(address: MailAddress(trusted: parts[0]) ?? MailAddress(localPart: "?", domain: "?"))
      for parameter in parts.dropFirst() {
        if parameter == "NOTIFY=NEVER" { recipient.notify = .never }
        if parameter == "NOTIFY=FAILURE,DELAY" { recipient.notify = [.failure, .delay] }
        if parameter.hasPrefix("ORCPT=") { recipient.originalRecipient = String(parameter.dropFirst(6)) }
      }
      recipients.append(recipient)
    case "message": message = String(decoding: unescape(value), as: UTF8.self)
    default: options["unknown line"] = words[0]
    }
  }
}

/// Resolves \r, \n, \\ and \xNN.
func unescape(_ text: String) -> [UInt8] {
  var result: [UInt8] = []
  var bytes = Array(text.utf8)[...]
  while let byte = bytes.popFirst() {
    guard byte == UInt8(ascii: "\\"), let code = bytes.popFirst() else {
      result.append(byte)
      continue
    }
    switch code {
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "x"):
      result.append(UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16) ?? 63)
      bytes = bytes.dropFirst(2)
    default: result.append(code)
    }
  }
  return result
}

/// An attempt's result in the words of a script.
func summary(_ result: AttemptResult) -> String {
  switch result {
  case .delivered(let reply): "delivered \(reply.code)"
  case .refused(let reply, let stage): "refused \(reply.code) \(stage.name)"
  case .notTried: "not tried"
  case .failed(let failure, let stage):
    "failed \("\(failure)".prefix { $0 != "(" }) \(stage.name)"
  }
}
