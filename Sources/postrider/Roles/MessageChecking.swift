internal import Acceptor
internal import MailFormat
internal import SMTPWire
internal import Settings

extension AcceptorConfiguration {
  mutating func check(_ wish: MessageChecks) {
    switch wish {
    case .strict: checks = .strict
    case .repair: checks = .repair
    case .pass:
      checks = .pass
      // The header and the message have their limits; between them a line may be as long as it likes.
      limits.lineLengthMax = .max
    }
  }
}
