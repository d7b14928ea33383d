import MailModel
import MailQueue
import NIOCore

/// What the benchmarks work on: like ordinary mail.
enum Samples {
  static let id = QueueID(unixMilliseconds: 1_700_000_000_000)

  static let header = Array(
    """
    Return-Path: <bounces@example.com>\r
    Date: Fri, 20 Nov 2026 18:30:38 +0000\r
    From: "A Newsletter" <newsletter@example.com>\r
    To: "Some One" <someone@example.org>\r
    Bcc: archive@example.com\r
    Subject: =?utf-8?Q?What_happened_this_week_and_what_will_happen_in_the_next_one?=\r
     =?utf-8?Q?_and_after_that?=\r
    Message-ID: <4711.1795199438@example.com>\r
    MIME-Version: 1.0\r
    Content-Type: multipart/alternative; boundary="----=_Part_4711_1795199438"\r
    List-Unsubscribe: <https://example.com/unsubscribe/4711>, <mailto:unsubscribe@example.com?subject=4711>\r
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
    X-Campaign: 2026-47\r
    \r\n
    """.utf8)

  /// A message of about so many bytes.
  static func message(size: Int) -> [UInt8] {
    let line = Array("The quick brown fox jumps over the lazy dog, and then once more and again.\r\n".utf8)
    return header + (0..<max(0, (size - header.count) / line.count)).flatMap { _ in line }
  }

  /// The same as it arrives after DATA, in pieces of 4 KB.
  static func wire(size: Int) -> [[UInt8]] {
    let bytes = message(size: size) + Array(".\r\n".utf8)
    return stride(from: 0, to: bytes.count, by: 4096).map { Array(bytes[$0..<min($0 + 4096, bytes.count)]) }
  }

  /// Messages to one recipient each, for the queue.
  static func newMessages(_ count: Int, size: Int, tenant: Int64) -> [NewMessage] {
    let content = MessageContent.memory(ByteBuffer(bytes: message(size: size)))
    return (0..<count).map { number in
      NewMessage(
        id: QueueID(unixMilliseconds: 1_700_000_000_000), tenant: tenant, credential: nil,
        envelope: Envelope(
          reversePath: MailAddress(trusted: "newsletter@example.com"),
          recipients: [MailAddress(trusted: "someone\(number)@inbox.example")].compactMap(\.self).map {
            Recipient(address: $0)
          }), content: content, session: "benchmark", clientAddress: "127.0.0.1")
    }
  }
}
