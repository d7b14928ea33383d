package import MailQueue

/// A queue that wakes the workers after each message that it took.
package struct HintingEnqueuer: MessageEnqueuing {
  private let queue: any MessageEnqueuing
  private let publisher: WakeHintPublisher

  package init(_ queue: any MessageEnqueuing, publisher: WakeHintPublisher) {
    self.queue = queue
    self.publisher = publisher
  }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    queue.enqueue(message) { [publisher] result in
      // The session first: its client waits for the answer.
      completion(result)
      if case .success = result { publisher.messageQueued() }
    }
  }
}
