package import DNS
package import Logging
package import NodeMetrics
internal import ServiceLifecycle

/// Looks our own addresses up from time to time: a listing costs deliveries, and the sooner somebody knows the better.
///
/// Nothing of it is stored. Every keeper looks for itself, and after a restart it looks anew.
package struct OwnListings: Service {
  private struct Subject: Hashable {
    let list: Blocklist
    let address: IPAddress
  }

  private struct State {
    var known: [Subject: BlocklistLookup.Answer] = [:]
    /// The lists that were of no use when they were last asked.
    var silent: Set<Blocklist> = []
  }

  private let lists: [Blocklist]
  private let addresses: [IPAddress]
  private let interval: Duration
  private let lookup: BlocklistLookup
  private let logger: Logger
  private let metrics: ListingMetrics

  package init(
    lists: [Blocklist], addresses: [IPAddress], interval: Duration, lookup: BlocklistLookup, logger: Logger,
    metrics: ListingMetrics = ListingMetrics()
  ) {
    self.lists = lists
    self.addresses = addresses
    self.interval = interval
    self.lookup = lookup
    self.logger = logger
    self.metrics = metrics
  }

  package func run() async throws {
    var state = State()
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      let before = state
      // What is under way is given up at a shutdown: the lists may take their time.
      state = await cancelWhenGracefulShutdown { await look(before) }
      let pause = interval * Double.random(in: 0.9...1.0)
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
    metrics.show([])
  }

  private func look(_ before: State) async -> State {
    var state = before
    for list in lists {
      var trouble: String?
      for address in addresses {
        let answer = await lookup.answer(of: list, about: address)
        if Task.isCancelled { return before }
        let subject = Subject(list: list, address: address)
        if case .unknown(let why) = answer {
          // What was known stays until something else is.
          trouble = why
        } else if (state.known.updateValue(answer, forKey: subject) ?? .notListed) != answer {
          tell(subject, answer)
        }
      }
      tell(list, trouble, &state.silent)
    }
    metrics.show(
      state.known.map { subject, answer in
        (subject.list.description, subject.address.description, answer != .notListed)
      })
    return state
  }

  private func tell(_ subject: Subject, _ answer: BlocklistLookup.Answer) {
    let names: Logger.Metadata = ["list": "\(subject.list)", "address": "\(subject.address)"]
    switch answer {
    case .listed(let words):
      logger.error(
        "a block list names an address that we send from", metadata: names.merging(["reason": "\(words)"]) { $1 })
    case .notListed: logger.notice("a block list no longer names an address that we send from", metadata: names)
    case .unknown: break
    }
  }

  /// Says once that a list is of no use, and once that it is again.
  private func tell(_ list: Blocklist, _ trouble: String?, _ silent: inout Set<Blocklist>) {
    if let trouble {
      guard silent.insert(list).inserted else { return }
      logger.warning("a block list is of no use now", metadata: ["list": "\(list)", "reason": "\(trouble)"])
    } else if silent.remove(list) != nil {
      logger.notice("a block list answers again", metadata: ["list": "\(list)"])
    }
  }
}
