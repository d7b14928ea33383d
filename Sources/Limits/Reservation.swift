internal import Synchronization

/// A message that is counted and not in the queue yet. Whoever lets go of it without `keep` gives it back, whatever the
/// reason: refused by a scanner, not signed, not stored, its client gone.
package final class Reservation: Sendable {
  private let isKept = Atomic<Bool>(false)
  private let giveBack: @Sendable () -> Void

  init(giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }

  /// The message is queued.
  package func keep() { isKept.store(true, ordering: .relaxed) }

  deinit { if !isKept.load(ordering: .relaxed) { giveBack() } }
}
