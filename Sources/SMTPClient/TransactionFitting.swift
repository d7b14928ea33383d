internal import DNS
internal import MailModel
internal import NIOCore
internal import SMTPWire

/// What of a message can go through a server with these capabilities, and what cannot.
///
/// Nothing is ever sent that the server did not say it can carry, and nothing is rewritten but the form of a domain.
/// - 8-bit data and no 8BITMIME: RFC 6152 §3 leaves converting or returning. It is returned (it would break
///   signatures), unless the data proves to be 7-bit.
/// - SMTPUTF8 missing (RFC 6531 §3.2): a U-label domain goes as A-labels, which is the same domain. A recipient with
///   a non-ASCII local part fails alone; a reverse-path with one, or a header with UTF-8, fails all. If nothing of
///   that is there the message goes as an ordinary one.
struct TransactionFitting {
  let capabilities: ClientCapabilities
  let outgoing: OutgoingTransaction
  private(set) var transaction: ClientTransaction
  /// Positions in the envelope of the transaction's recipients.
  private(set) var indices: [Int] = []
  private(set) var failures: [(index: Int, result: AttemptResult)] = []

  /// - Parameter facts: reads the content; called only when the answer depends on it.
  static func fit(
    _ outgoing: OutgoingTransaction, recipients: [Int], to capabilities: ClientCapabilities,
    facts: () async throws -> ContentFacts
  ) async throws -> TransactionFitting {
    var fitting = TransactionFitting(capabilities, outgoing)
    let envelope = outgoing.envelope
    let needsUTF8 =
      envelope.smtpUTF8 || envelope.reversePath?.needsSMTPUTF8 == true
      || recipients.contains { envelope.recipients[$0].address.needsSMTPUTF8 }
    var content: ContentFacts?
    if !capabilities.eightBitMIME || (needsUTF8 && !capabilities.smtpUTF8) { content = try await facts() }
    if let lack = fitting.lack(needsUTF8: needsUTF8, content) {
      fitting.failures = recipients.map { ($0, .failed(.missingExtension(lack), .mail)) }
    } else {
      fitting.take(recipients, needsUTF8: needsUTF8)
    }
    return fitting
  }

  private init(_ capabilities: ClientCapabilities, _ outgoing: OutgoingTransaction) {
    let envelope = outgoing.envelope
    self.capabilities = capabilities
    self.outgoing = outgoing
    transaction = ClientTransaction(
      reversePath: envelope.reversePath, recipients: [], size: outgoing.size, eightBit: envelope.body == .eightBit,
      smtpUTF8: false, returned: envelope.returned, envelopeID: envelope.envelopeID)
  }

  /// What the server lacks for the message as a whole.
  private mutating func lack(needsUTF8: Bool, _ content: ContentFacts?) -> String? {
    if let limit = capabilities.sizeMax, outgoing.size > limit {
      return "room for this message of \(outgoing.size) bytes: it takes at most \(limit) (5.3.4)"
    }
    if outgoing.envelope.body == .binary { return "BINARYMIME with CHUNKING, which this message needs (5.6.3)" }
    if !capabilities.eightBitMIME {
      if content?.hasEightBit == true { return "8BITMIME, and the message has 8-bit data (5.6.3)" }
      transaction.eightBit = false
    } else if let buffer = outgoing.content.immediate {
      // A client that said 7BIT (or nothing) and sent 8-bit data all the same: the next hop is told the truth.
      transaction.eightBit = buffer.withUnsafeReadableBytes(ContentScanner.hasEightBit)
    } else if outgoing.envelope.smtpUTF8 {
      // RFC 6531 §3.6: a header in UTF-8 is 8-bit data.
      transaction.eightBit = true
    }
    guard needsUTF8 else { return nil }
    if capabilities.smtpUTF8 {
      transaction.smtpUTF8 = true
      return nil
    }
    if outgoing.envelope.smtpUTF8, content?.headerHasEightBit == true, !capabilities.takesAnyHeader {
      return "SMTPUTF8, and the message's header has UTF-8 (5.6.7)"
    }
    if let path = transaction.reversePath {
      guard let plain = Self.plain(path) else { return "SMTPUTF8, which the sender's address needs (5.6.7)" }
      transaction.reversePath = plain
    }
    return nil
  }

  private mutating func take(_ recipients: [Int], needsUTF8: Bool) {
    for index in recipients {
      var recipient = outgoing.envelope.recipients[index]
      if needsUTF8, !capabilities.smtpUTF8 {
        guard let plain = Self.plain(recipient.address) else {
          failures.append((index, .failed(.missingExtension("SMTPUTF8, which the address needs (5.6.7)"), .recipient)))
          continue
        }
        recipient.address = plain
        // An ORCPT in UTF-8 is a wish that this server cannot be told.
        if recipient.originalRecipient?.utf8.contains(where: { $0 >= 0x80 }) == true {
          recipient.originalRecipient = nil
        }
      }
      transaction.recipients.append(recipient)
      indices.append(index)
    }
  }

  /// The same mailbox in ASCII; nil when its local part has no such form.
  private static func plain(_ address: MailAddress) -> MailAddress? {
    if !address.needsSMTPUTF8 { return address }
    guard !address.localPart.utf8.contains(where: { $0 >= 0x80 }), let domain = DomainName.ascii(address.domain) else {
      return nil
    }
    return MailAddress(localPart: address.localPart, domain: domain)
  }
}
