import Foundation
import Synchronization

/// Where delivered messages go: `<n>.json` with the envelope and then `<n>.eml`, each renamed into place complete.
/// Whoever sees the `.eml` may read the `.json`; both are there before the client hears 250.
final class Capture: Sendable {
  private let directory: String?
  private let journal: Mutex<FileHandle?>
  private let next: Mutex<Int>

  /// - Parameters:
  ///   - directory: nil: messages are counted and forgotten.
  ///   - journal: a file that gets one JSON line per transaction and per session.
  init(directory: String?, journal: String?) throws {
    self.directory = directory
    var last = 0
    if let directory {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
        last = max(last, Int(name.prefix { $0.isNumber }) ?? 0)
      }
    }
    next = Mutex(last + 1)
    var handle: FileHandle?
    if let journal {
      if !FileManager.default.fileExists(atPath: journal) {
        guard FileManager.default.createFile(atPath: journal, contents: nil) else {
          throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: journal])
        }
      }
      handle = try FileHandle(forWritingTo: URL(fileURLWithPath: journal))
      try handle?.seekToEnd()
    }
    self.journal = Mutex(handle)
  }

  /// Keeps a message. Blocks.
  /// - Returns: its number.
  func store(_ message: [UInt8], envelope: CapturedEnvelope) throws -> Int {
    let number = next.withLock { value in
      defer { value += 1 }
      return value
    }
    guard let directory else { return number }
    let digits = String(number)
    let name = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    var envelope = envelope
    envelope.number = number
    envelope.file = "\(name).eml"
    try place(Self.encoder(pretty: true).encode(envelope), at: "\(directory)/\(name).json")
    try place(Data(message), at: "\(directory)/\(name).eml")
    return number
  }

  /// Appends a line to the journal. Blocks.
  func note(_ entry: some Encodable) {
    journal.withLock { handle in
      guard let handle, let line = try? Self.encoder(pretty: false).encode(entry) else { return }
      try? handle.write(contentsOf: line + [UInt8(ascii: "\n")])
    }
  }

  private func place(_ data: Data, at path: String) throws {
    let temporary = URL(fileURLWithPath: path + ".part")
    try data.write(to: temporary)
    guard rename(temporary.path, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  private static func encoder(pretty: Bool) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return encoder
  }
}

/// What the sink knows about one delivered message.
struct CapturedEnvelope: Encodable, Sendable {
  struct Recipient: Encodable, Sendable {
    let address: String
    let parameters: [String]
    let reply: String
  }

  struct TLS: Encodable, Sendable {
    let version: String
    let cipher: String
    let serverName: String?
    let resumed: Bool
  }

  var number = 0
  var file = ""
  var session = 0
  /// The how-manieth MAIL of its session.
  var transaction = 0
  var peer = ""
  var local = ""
  var host = ""
  var helo = ""
  var isExtended = false
  var tls: TLS?
  var login: String?
  var mailFrom = ""
  var mailParameters: [String] = []
  /// The accepted ones.
  var rcptTo: [String] = []
  var recipients: [Recipient] = []
  var viaBdat = false
  var sizeBytes = 0
  var bareCr = 0
  var bareLf = 0
  /// Unix seconds.
  var openedAt = 0.0
  var receivedAt = 0.0
  /// The reply to the message, as sent; nil: none was.
  var reply: String?
  /// Where it ended.
  var stage = ""
}

/// A session's line in the journal.
struct SessionNote: Encodable, Sendable {
  let session: Int
  let peer: String
  let local: String
  let openedAt: Double
  let closedAt: Double
  let transactions: Int
  let delivered: Int
  let tls: Bool
}
