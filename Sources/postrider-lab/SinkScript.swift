import Yams

/// How a sink behaves: which host it plays on which address, and what it says when.
///
/// ```yaml
/// hosts:
///   127.0.0.3: {name: mx.old.example, without: [STARTTLS, PIPELINING]}
/// rules:
///   - {stage: rcpt, match: "full@*", reply: "452 4.2.2 mailbox full"}
///   - {stage: rcpt, match: "*@slow.example", times: 2, reply: "450 4.7.1 greylisted"}
///   - {stage: dot, listen: 127.0.0.4, delay: 5s, then: drop}
/// ```
struct SinkScript: Decodable, Sendable {
  var hosts: [String: HostProfile] = [:]
  /// The first rule that fits and is not used up answers.
  var rules: [SinkRule] = []

  init() {}

  static func load(_ text: String) throws -> SinkScript {
    // A file without a document has no mapping to decode.
    guard try Yams.load(yaml: text) != nil else { return SinkScript() }
    return try YAMLDecoder().decode(SinkScript.self, from: text)
  }

  init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self)
    try keys.refuseUnknown(["hosts", "rules"])
    hosts = try keys.decodeIfPresent([String: HostProfile].self, forKey: "hosts") ?? [:]
    rules = try keys.decodeIfPresent([SinkRule].self, forKey: "rules") ?? []
  }

  /// The profile for a listen address: by address and port, by address, or the one for `*`.
  func host(address: String, port: Int) -> HostProfile {
    hosts["\(address):\(port)"] ?? hosts[address] ?? hosts["*"] ?? HostProfile(name: "sink-\(address)")
  }
}

/// The server that is played on one address.
struct HostProfile: Decodable, Sendable {
  var name: String
  /// Extensions that are not announced.
  var without: Set<String> = []
  /// Lines that are announced in addition.
  var extra: [String] = []
  var sizeMax = 104_857_600
  /// User names and passwords; AUTH is announced under TLS when there are any.
  var logins: [String: String] = [:]

  init(name: String) { self.name = name }

  init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self)
    try keys.refuseUnknown(["name", "without", "extra", "size_max", "logins"])
    name = try keys.decodeIfPresent(String.self, forKey: "name") ?? "sink.example"
    without = Set(try keys.decodeIfPresent([String].self, forKey: "without") ?? [])
    extra = try keys.decodeIfPresent([String].self, forKey: "extra") ?? []
    sizeMax = try keys.decodeIfPresent(Int.self, forKey: "size_max") ?? 104_857_600
    logins = try keys.decodeIfPresent([String: String].self, forKey: "logins") ?? [:]
  }
}

/// Where in the dialogue a rule acts.
enum SinkStage: String, Decodable, Sendable, CaseIterable {
  case connect, ehlo, helo, starttls, auth, mail, rcpt, data, bdat, dot, rset, noop, quit
}

/// What happens after the reply.
enum Aftermath: String, Decodable, Sendable {
  case goOn = "continue"
  /// The connection is closed in an orderly way.
  case drop
  /// The connection is reset (RST).
  case reset
  /// Nothing more is said, and the connection stays open.
  case hang
  /// Bytes that are neither SMTP nor TLS.
  case garbage
}

struct SinkRule: Decodable, Sendable {
  var stage: SinkStage
  /// A pattern with `*`, without regard to case, for the address in MAIL or RCPT, any accepted recipient at DATA,
  /// BDAT and the final dot, or the argument of EHLO and HELO.
  var match: String?
  /// Only on this local address.
  var listen: String?
  /// How often the rule acts; nil: always.
  var times: Int?
  /// `times` counts for each address by itself.
  var each = false
  /// The reply, lines separated by newlines, each without code but the first. nil: as without the rule.
  var reply: String?
  /// Bytes to send instead of a reply, as they are.
  var raw: String?
  var silent = false
  var delay: Duration = .zero
  var then: Aftermath = .goOn
  /// At the final dot: keep the message although the reply does not say so.
  var store = false

  init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self)
    try keys.refuseUnknown([
      "stage", "match", "listen", "times", "each", "reply", "raw", "silent", "delay", "then", "store",
    ])
    stage = try keys.decode(SinkStage.self, forKey: "stage")
    match = try keys.decodeIfPresent(String.self, forKey: "match")
    listen = try keys.decodeIfPresent(String.self, forKey: "listen")
    times = try keys.decodeIfPresent(Int.self, forKey: "times")
    each = try keys.decodeIfPresent(Bool.self, forKey: "each") ?? false
    reply = try keys.decodeIfPresent(String.self, forKey: "reply")
    raw = try keys.decodeIfPresent(String.self, forKey: "raw")
    silent = try keys.decodeIfPresent(Bool.self, forKey: "silent") ?? false
    if let text = try keys.decodeIfPresent(String.self, forKey: "delay") {
      guard let duration = Duration(text) else {
        throw DecodingError.dataCorruptedError(
          forKey: "delay", in: keys, debugDescription: "delay is a number with ms, s or m, not \(text)")
      }
      delay = duration
    }
    then = try keys.decodeIfPresent(Aftermath.self, forKey: "then") ?? .goOn
    store = try keys.decodeIfPresent(Bool.self, forKey: "store") ?? false
  }
}

/// A text in UTF-8, in which U+F080 to U+F0FF stand for the octets 80 to FF by themselves: what no text can hold.
func octets(of text: String) -> [UInt8] {
  text.unicodeScalars.flatMap { scalar in
    (0xF080...0xF0FF).contains(scalar.value) ? [UInt8(scalar.value - 0xF000)] : Array(String(scalar).utf8)
  }
}

/// Any key, so that a misspelt one is seen.
struct AnyKey: CodingKey, ExpressibleByStringLiteral {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init(stringLiteral value: String) { stringValue = value }
  init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer where Key == AnyKey {
  func refuseUnknown(_ known: Set<String>) throws {
    guard let unknown = allKeys.first(where: { !known.contains($0.stringValue) }) else { return }
    throw DecodingError.dataCorruptedError(
      forKey: unknown, in: self,
      debugDescription: "unknown key \(unknown.stringValue); known are \(known.sorted().joined(separator: ", "))")
  }
}

extension Duration {
  /// `250ms`, `2s`, `1m`.
  init?(_ text: String) {
    for (unit, milliseconds) in [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)] where text.hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)) else { continue }
      self = .milliseconds(Int64(number * milliseconds))
      return
    }
    return nil
  }
}

/// Whether a text fits a pattern in which `*` stands for anything; ASCII case does not count.
func fits(_ text: String, _ pattern: String) -> Bool {
  func fits(_ text: Substring.UTF8View, _ pattern: Substring.UTF8View) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    if first == UInt8(ascii: "*") {
      let rest = pattern.dropFirst()
      return text.indices.contains { fits(text[$0...], rest) } || fits(text[text.endIndex...], rest)
    }
    return text.first == first && fits(text.dropFirst(), pattern.dropFirst())
  }
  return fits(text.lowercased()[...].utf8, pattern.lowercased()[...].utf8)
}
