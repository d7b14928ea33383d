package import DNS
package import Logging
internal import NIOConcurrencyHelpers

/// Whether the address that a client submits from is listed.
package final class ClientBlocklists: Sendable {
  package struct Listing: Sendable, Hashable {
    package let list: String
    package let address: String
    /// The list's own words; may be empty.
    package let words: String
  }

  private let lists: [Blocklist]
  private let exempt: [CIDR]
  private let lookup: BlocklistLookup
  private let logger: Logger
  /// When each list was last complained about.
  private let complaints = NIOLockedValueBox<[Blocklist: ContinuousClock.Instant]>([:])

  /// - Parameters:
  ///   - lists: the first that names an address counts.
  ///   - exempt: networks that are not looked up.
  package init(lists: [Blocklist], exempt: [CIDR], lookup: BlocklistLookup, logger: Logger) {
    self.lists = lists
    self.exempt = exempt
    self.lookup = lookup
    self.logger = logger
  }

  /// - Returns: nil when no list names it, as far as can be found out.
  package func listing(of text: String) async -> Listing? {
    guard let address = IPAddress(text)?.unmapped, !exempt.contains(where: { $0.contains(address) }) else { return nil }
    let answers = await withTaskGroup(of: (Int, BlocklistLookup.Answer).self) { group in
      for (index, list) in lists.enumerated() {
        group.addTask { [lookup] in (index, await lookup.answer(of: list, about: address)) }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    var found: Listing?
    for (index, list) in lists.enumerated() {
      switch answers[index] {
      case .listed(let words)?: found = found ?? Listing(list: list.description, address: "\(address)", words: words)
      case .unknown(let why)?: complain(list, why)
      case .notListed?, nil: break
      }
    }
    return found
  }

  /// Once in an hour for each.
  private func complain(_ list: Blocklist, _ why: String) {
    let isNew = complaints.withLockedValue { complaints in
      guard complaints[list].map({ $0.duration(to: .now) > .seconds(3600) }) ?? true else { return false }
      complaints[list] = .now
      return true
    }
    guard isNew else { return }
    logger.warning(
      "a block list is of no use now; clients that it may name are let through",
      metadata: ["list": "\(list)", "reason": "\(why)"])
  }
}
