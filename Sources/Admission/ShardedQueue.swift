package import MailQueue
import NIOConcurrencyHelpers

/// The queues of several databases as one: each message goes to the one that takes its tenant's mail.
///
/// A message that comes with a placement from before a move is refused by the database's gate; its sender gets 451,
/// and the next message of the tenant asks the directory again.
package final class ShardedQueue: MessageEnqueuing {
  private let placements: Placements
  private let shards: [String: any MessageEnqueuing]

  package init(placements: Placements, shards: [String: any MessageEnqueuing]) {
    self.placements = placements
    self.shards = shards
  }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    if let placement = placements.remembered(message.tenant) { return enqueue(message, at: placement, completion) }
    Task {
      switch await placements.find(message.tenant) {
      case .success(let placement): enqueue(message, at: placement, completion)
      case .failure(let failure): completion(.failure(failure))
      }
    }
  }

  private func enqueue(
    _ message: NewMessage, at placement: Placement,
    _ completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    guard let queue = shards[placement.shard] else {
      placements.forget(message.tenant, placement)
      return completion(.failure(.unavailable("the shard «\(placement.shard)» is not in database.shards")))
    }
    let tenant = message.tenant
    var message = message
    message.epoch = placement.epoch
    queue.enqueue(message) { [placements] result in
      if case .failure(.misplaced) = result { placements.forget(tenant, placement) }
      completion(result)
    }
  }
}

/// A queue that takes nothing until it has been opened: its database has not been looked at yet.
package final class UncheckedQueue: MessageEnqueuing {
  private let queue: any MessageEnqueuing
  private let reason: NIOLockedValueBox<String?>

  package init(_ queue: any MessageEnqueuing, until reason: String?) {
    self.queue = queue
    self.reason = NIOLockedValueBox(reason)
  }

  /// - Parameter reason: why nothing is taken; nil: everything is.
  package func set(_ reason: String?) { self.reason.withLockedValue { $0 = reason } }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    if let reason = reason.withLockedValue({ $0 }) { return completion(.failure(.unavailable(reason))) }
    queue.enqueue(message, completion: completion)
  }
}
