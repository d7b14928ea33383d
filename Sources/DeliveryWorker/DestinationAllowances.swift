internal import MailQueue

/// How many recipients of each destination domain a worker has in flight and may have, so that destinations that
/// answer slowly, or not at all, leave room for the others.
///
/// A destination may have as many messages in flight as it completes in four seconds, and `minimum` in any case. So one that is
/// fast grows until it has the whole worker, and one that is slow keeps a few. All slow ones together get no more
/// than half of the worker, and together with those not known yet three quarters: the rest is for the fast.
struct DestinationAllowances: Sendable {
  private struct Destination {
    /// Recipients: each has a place in the worker.
    var inFlight = 0
    /// Messages, each with one or several recipients: what a destination's pace is measured in.
    var messages = 0
    var completed: RecentCompletions
    /// It has been busy without being quick since then.
    var busySince: ContinuousClock.Instant
    /// Its recipients came back because too many waited for the same host.
    var refusals = 0
    var pausedUntil: ContinuousClock.Instant?
    /// A claim was told to take fewer than it might have wanted.
    var isLimited = false
  }

  private enum Pace { case quick, unknown, slow }

  private var destinations: [String: Destination] = [:]
  private let jobsMax: Int
  private let minimum: Int
  /// Fewer of unknown destinations are not worth a smaller claim.
  private var smallestClaim: Int { max(1, jobsMax / 8) }

  init(jobsMax: Int, connectionsPerDestination: Int) {
    self.jobsMax = jobsMax
    minimum = max(1, min(2 * connectionsPerDestination, jobsMax / 4))
  }

  // MARK: What happens

  mutating func began(_ domain: String, _ count: Int, now: ContinuousClock.Instant) {
    var destination =
      destinations[domain] ?? Destination(completed: RecentCompletions(now: now), busySince: now)
    if destination.inFlight == 0 { destination.busySince = now }
    destination.inFlight += count
    destination.messages += 1
    destinations[domain] = destination
  }

  /// - Parameter isRefused: nothing was tried, because too many waited for the same host. The destination pauses, for
  ///   longer each time.
  /// - Returns: whether a destination that was held back may have more now: it is worth claiming.
  mutating func ended(_ domain: String, _ count: Int, isRefused: Bool, now: ContinuousClock.Instant) -> Bool {
    guard var destination = destinations[domain] else { return false }
    destination.inFlight -= count
    destination.messages -= 1
    if isRefused {
      if destination.pausedUntil.map({ $0 <= now }) ?? true {
        destination.refusals = min(destination.refusals + 1, 6)
        destination.pausedUntil = now + .seconds(1 << (destination.refusals - 1))
      }
    } else {
      destination.refusals = 0
      destination.completed.note(1, now: now)
    }
    let allowance = allowance(&destination, now)
    if destination.messages <= allowance / 2 { destination.busySince = now }
    let mayHaveMore = destination.isLimited && destination.messages <= allowance * 3 / 4
    if mayHaveMore { destination.isLimited = false }
    destinations[domain] = destination
    return mayHaveMore
  }

  // MARK: What a claim may take

  /// - Parameter room: free places in the worker.
  /// - Returns: what the next claim may take of each destination, and how many rows in all.
  mutating func rooms(room: Int, now: ContinuousClock.Instant) -> (rooms: DestinationRooms, rowsMax: Int) {
    forgetQuiet(now)
    var paces: [String: Pace] = [:]
    var (slow, unknown) = (0, 0)
    for (domain, destination) in destinations {
      let pace = pace(domain, now)
      paces[domain] = pace
      switch pace {
      case .quick: break
      case .slow: slow += destination.inFlight
      case .unknown: unknown += destination.inFlight
      }
    }
    let slowRoom = max(0, jobsMax / 2 - slow)
    let unknownRoom = max(0, (jobsMax * 3 + 3) / 4 - slow - unknown)
    var rooms = DestinationRooms(other: unknownRoom < min(room, smallestClaim) ? 0 : min(minimum, unknownRoom))
    for (domain, pace) in paces {
      guard var destination = destinations[domain] else { continue }
      let own = max(0, allowance(&destination, now) - destination.messages)
      let left =
        switch pace {
        case .quick: own
        case .slow: min(own, slowRoom, unknownRoom)
        case .unknown: min(own, rooms.other)
        }
      destination.isLimited = left < room
      if destination.pausedUntil.map({ $0 > now }) ?? false || left == 0 && pace == .slow {
        rooms.paused.append(domain)
        rooms.rooms[domain] = 0
      } else {
        // After a pause a few are enough to see whether the line is shorter.
        rooms.rooms[domain] = destination.refusals > 0 ? min(left, 2) : left
      }
      destinations[domain] = destination
    }
    return (rooms, rooms.other > 0 ? min(room, max(unknownRoom, 1)) : room)
  }

  private func allowance(_ destination: inout Destination, _ now: ContinuousClock.Instant) -> Int {
    max(minimum, 2 * destination.completed.count(now: now))
  }

  private mutating func pace(_ domain: String, _ now: ContinuousClock.Instant) -> Pace {
    guard var destination = destinations[domain] else { return .unknown }
    defer { destinations[domain] = destination }
    let completed = destination.completed.count(now: now)
    if completed > 0, destination.messages <= 3 * completed { return .quick }
    if destination.inFlight == 0 { return .unknown }
    return destination.busySince.duration(to: now) > .seconds(1) ? .slow : .unknown
  }

  /// A destination is remembered for a second or two after its last completion, and for a minute after a pause.
  private mutating func forgetQuiet(_ now: ContinuousClock.Instant) {
    for (domain, var destination) in destinations where destination.inFlight == 0 {
      let isResting = destination.pausedUntil.map { $0.duration(to: now) < .seconds(60) } ?? false
      if destination.completed.count(now: now) == 0, !isResting { destinations[domain] = nil }
    }
  }
}
