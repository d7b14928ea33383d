import DNS
package import MailModel

/// Whether a message says that it comes from whoever submits it.
///
/// Looked at are `From` and `Sender` as the fields pass by, and the reverse-path. Where readers of mail may disagree
/// about what such a field says, it is refused, whatever it says.
package struct AuthorCheck: Sendable {
  private let scope: SenderScope
  private var fromFields = 0
  private var senderFields = 0
  private var fault: String?
  private var authors: [MailAddress] = []

  private let author: MailAddress?

  /// - Parameter author: who the message is from when it has no `From` field; nil: then it is refused.
  package init(_ scope: SenderScope, author: MailAddress? = nil) {
    self.scope = scope
    self.author = author
  }

  /// Why a reverse-path is not taken; nil: it is.
  package static func refusal(of path: MailAddress, in scope: SenderScope) -> Reply? {
    scope.contains(path)
      ? nil : Reply(553, EnhancedStatus(5, 7, 1), ascii("This sender address is not yours: \(scope.explanation)"))
  }

  /// - Parameters:
  ///   - body: of a `From` field.
  ///   - isPlain: no white space stands before its colon.
  package mutating func takeFrom(_ body: ArraySlice<UInt8>, isPlain: Bool) {
    fromFields += 1
    take("From", body, isPlain, fromFields) { _ in true }
  }

  /// The same for a `Sender` field.
  package mutating func takeSender(_ body: ArraySlice<UInt8>, isPlain: Bool) {
    senderFields += 1
    take("Sender", body, isPlain, senderFields) { $0 == 1 }
  }

  private mutating func take(
    _ name: String, _ body: ArraySlice<UInt8>, _ isPlain: Bool, _ count: Int, _ mayBe: (Int) -> Bool
  ) {
    guard fault == nil else { return }
    guard count == 1 else { return fault = "There are \(count) \(name) fields" }
    guard isPlain else { return fault = "\(name) has white space before its colon" }
    do throws(MailboxFault) {
      let mailboxes = try MailboxParser.mailboxes(body)
      authors += mailboxes.map(\.address)
      guard mayBe(mailboxes.count) else { return fault = "\(name) has \(mailboxes.count) addresses" }
      fault = mailboxes.compactMap { foreign($0, name) }.first
    } catch {
      fault = "\(name) \(error.reason)"
    }
  }

  private func foreign(_ mailbox: Mailbox, _ name: String) -> String? {
    guard scope.contains(mailbox.address) else { return "\(name) names \(mailbox.address), who is not you" }
    guard !Deception.isDeceptive(mailbox.displayName) else {
      return "\(name) has a display name that programs show in different ways"
    }
    let strange = Deception.addresses(in: mailbox.displayName).first { piece in
      // A second @ leaves it to the reader where the address begins.
      guard piece.count(where: { $0 == "@" }) == 1 else { return true }
      return MailAddress(trusted: piece).map { !scope.contains($0) } ?? true
    }
    return strange.map { "\(name) has a display name that looks like the address \($0)" }
  }

  /// The domains of everybody whom the fields have named, or of who it is from without them: in A-labels.
  package var domains: Set<String> {
    let named = fromFields == 0 ? authors + [author].compactMap(\.self) : authors
    return Set(named.map(Self.domain(of:)))
  }

  /// An address's domain as `domains` has it.
  package static func domain(of address: MailAddress) -> String {
    DomainName.ascii(address.domain) ?? address.destination
  }

  /// What the client is told about a field that has been seen; nil: all is well so far.
  package var refusalOfFields: Reply? { fault == nil ? nil : refusal }

  /// After the last field.
  /// - Returns: what the client is told; nil: all is well.
  package var refusal: Reply? {
    let why = fault ?? (fromFields == 0 && author == nil ? "There is no From field" : nil)
    return why.map { Reply(550, EnhancedStatus(5, 7, 1), Self.ascii("\($0): \(scope.explanation)")) }
  }

  /// Replies are ASCII; what is not, and whatever else a client has no use for, is shown as `?`.
  private static func ascii(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.prefix(400).map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
  }
}
