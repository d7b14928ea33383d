package import MailModel

/// One message for recipients that share a route.
package struct OutgoingTransaction: Sendable {
  package var id: QueueID
  /// The recipients in it are those to try now.
  package var envelope: Envelope
  /// Bytes of the content.
  package var size: Int
  package var content: any ContentSource
  /// Whether the claim still holds; asked before MAIL, before DATA and before the final dot. It must not block.
  package var mayStart: @Sendable () -> Bool
  /// Whether another transaction, or a connection for one, may begin; asked before each. It must not block.
  package var mayBegin: @Sendable () -> Bool

  package init(
    id: QueueID, envelope: Envelope, size: Int, content: any ContentSource,
    mayStart: @escaping @Sendable () -> Bool = { true }, mayBegin: @escaping @Sendable () -> Bool = { true }
  ) {
    self.id = id
    self.envelope = envelope
    self.size = size
    self.content = content
    self.mayStart = mayStart
    self.mayBegin = mayBegin
  }
}
