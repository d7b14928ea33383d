import Foundation
import MailModel
import SMTPWire

/// Plays a dialogue script against the pure machine.
///
/// Lines: `#` comment; `! word …` an instruction (see `instruct`); `C: text` the client sends text and CRLF;
/// `C+ text` the client sends text as it is; `S: text` the server must have said this line (`*` at the end stands
/// for anything); `M: text` a line of the message that was queued; `X:` the server must have closed.
/// Escapes in client and message text: `\r \n \0 \\ \xNN`.
struct DialoguePlayer: ~Copyable {
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }

  private var machine: SubmissionMachine
  private let chunkSize: Int
  private var output: [String] = []
  private var isClosed = false
  private var verdict = LoginVerdict.accepted
  private var queueReply = Reply(250, .init(2, 0, 0), "Ok: queued as TEST")
  private var collected: [UInt8] = []
  private var queued: [UInt8] = []
  private(set) var attempts: [LoginAttempt] = []
  private(set) var envelopes: [Envelope] = []

  init(policy: SubmissionPolicy, limits: SubmissionLimits, isSecure: Bool, chunkSize: Int) {
    machine = SubmissionMachine(hostName: "mx.example.com", policy: policy, limits: limits, isSecure: isSecure)
    self.chunkSize = chunkSize
    say(machine.greeting)
  }

  /// - Parameter chunkSize: how many octets the machine gets at once.
  static func play(_ script: String, chunkSize: Int) throws {
    let lines = script.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var limits = SubmissionLimits()
    limits.messageSizeMax = 1000
    var (policy, isSecure) = (SubmissionPolicy(offersStartTLS: true), false)
    for words in lines.filter({ $0.hasPrefix("! ") }).map({ $0.split(separator: " ") }) {
      switch words[1] {
      case "implicit": (policy, isSecure) = (SubmissionPolicy(offersStartTLS: false), true)
      case "open": policy = SubmissionPolicy(offersStartTLS: false, requiresTLS: false, requiresLogin: false)
      case "recipients": limits.recipientsMax = Int(words[2]) ?? 0
      case "excess": limits.excessRecipientsMax = Int(words[2]) ?? 0
      case "errors": limits.errorsMax = Int(words[2]) ?? 0
      case "logins": limits.failedLoginsMax = Int(words[2]) ?? 0
      case "commands": limits.commandsWithoutMailMax = Int(words[2]) ?? 0
      case "line": limits.lineLengthMax = Int(words[2]) ?? 0
      default: break
      }
    }
    var player = DialoguePlayer(policy: policy, limits: limits, isSecure: isSecure, chunkSize: chunkSize)
    try player.play(lines)
  }

  private mutating func play(_ lines: [String]) throws {
    var pending: [UInt8] = []
    var expectedContent: [UInt8]?
    for (number, line) in (lines + ["#"]).enumerated() {
      let text = String(line.dropFirst(line.count > 3 ? 3 : line.count))
      if !line.hasPrefix("C"), !pending.isEmpty {
        send(pending)
        pending = []
      }
      if !line.hasPrefix("M"), let content = expectedContent {
        guard content == queued else { throw Mismatch(description: "line \(number): queued \(Self.shown(queued))") }
        expectedContent = nil
      }
      switch line.prefix(2) {
      case "C:": pending += Self.unescaped(text) + [13, 10]
      case "C+": pending += Self.unescaped(text)
      case "S:": try expect(text, number + 1)
      case "M:": expectedContent = (expectedContent ?? []) + Self.unescaped(text) + [13, 10]
      case "X:": if !isClosed { throw Mismatch(description: "line \(number + 1): not closed") }
      case "! ": instruct(line.split(separator: " ").map(String.init))
      default: break
      }
    }
    guard output.isEmpty else { throw Mismatch(description: "unexpected: \(output)") }
  }

  private mutating func expect(_ expected: String, _ number: Int) throws {
    guard !output.isEmpty else { throw Mismatch(description: "line \(number): nothing said, expected \(expected)") }
    let said = output.removeFirst()
    let matches = expected.hasSuffix("*") ? said.hasPrefix(expected.dropLast()) : said == expected
    guard matches else { throw Mismatch(description: "line \(number): expected \(expected), said \(said)") }
  }

  private mutating func instruct(_ words: [String]) {
    switch words[1] {
    case "drain": machine.drain()
    case "login":
      let verdicts: [String: LoginVerdict] = [
        "accepted": .accepted, "rejected": .rejected, "disabled": .disabled, "overloaded": .overloaded,
        "unavailable": .unavailable,
      ]
      verdict = verdicts[words[2]] ?? .rejected
    case "queue":
      queueReply = Reply(Int(words[2]) ?? 0, EnhancedStatus(words[3]), words.dropFirst(4).joined(separator: " "))
    case "refuse":
      machine.refuseMessage(
        Reply(Int(words[2]) ?? 0, EnhancedStatus(words[3]), words.dropFirst(4).joined(separator: " ")))
    default: break
    }
  }

  private mutating func send(_ bytes: [UInt8]) {
    var buffer: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: chunkSize) {
      buffer += bytes[start..<min(start + chunkSize, bytes.count)]
      if drive(&buffer) { return }
    }
  }

  /// - Returns: whether TLS has begun: what was sent with STARTTLS is thrown away.
  private mutating func drive(_ buffer: inout [UInt8]) -> Bool {
    while true {
      var content: [UInt8] = []
      let (consumed, action) = buffer.withUnsafeBytes { machine.step($0) { content += $0 } }
      buffer.removeFirst(consumed)
      collected += content
      guard let action else {
        if consumed == 0 { return false }
        continue
      }
      if perform(action) { return true }
    }
  }

  private mutating func perform(_ action: SubmissionAction) -> Bool {
    switch action {
    case .reply(let reply): say(reply)
    case .close(let reply):
      say(reply)
      isClosed = true
    case .startTLS(let reply):
      say(reply)
      machine.tlsStarted()
      return true
    case .authenticate(let attempt):
      attempts.append(attempt)
      return perform(machine.loginFinished(verdict))
    case .beginMessage(let envelope, let reply):
      envelopes.append(envelope)
      collected = []
      if let reply { say(reply) }
    case .discardMessage(let reply):
      collected = []
      if let reply { say(reply) }
    case .endMessage:
      queued = collected
      return perform(machine.messageFinished(queueReply))
    }
    return false
  }

  private mutating func say(_ reply: Reply) {
    output += String(decoding: reply.wire, as: UTF8.self).split(separator: "\r\n").map(String.init)
  }
}

extension DialoguePlayer {
  static func unescaped(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
        bytes.append(byte)
        continue
      }
      switch escape {
      case UInt8(ascii: "r"): bytes.append(13)
      case UInt8(ascii: "n"): bytes.append(10)
      case UInt8(ascii: "0"): bytes.append(0)
      case UInt8(ascii: "x"):
        bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
      default: bytes.append(escape)
      }
    }
    return bytes
  }

  static func shown(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).debugDescription
  }
}
