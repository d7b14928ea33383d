internal import Blocklists
internal import DNS
internal import DeliveryWorker
internal import Logging
internal import NodeMetrics
internal import Settings

/// Block lists, made from the settings.
extension Node {
  /// nil: clients are not looked up.
  func clientBlocklists() throws -> ClientBlocklists? {
    let lists = settings.blocklists.clients.compactMap { Blocklist($0) }
    guard !lists.isEmpty else { return nil }
    return ClientBlocklists(
      lists: lists, exempt: settings.blocklists.clientsExempt.compactMap { CIDR($0) },
      lookup: BlocklistLookup(try resolver()), logger: logger)
  }

  /// The addresses that the world sees our mail come from, as far as they are known here.
  var sendingAddresses: [IPAddress] {
    let given = settings.blocklists.ownAddresses
    let texts = given.isEmpty ? [settings.delivery.publicAddress ?? SiteConfiguration.publicAddress()] : given
    return texts.compactMap { IPAddress($0)?.unmapped }
  }

  /// nil: there is nothing to look up.
  func ownListings() throws -> OwnListings? {
    let lists = settings.blocklists.own.compactMap { Blocklist($0) }
    guard !lists.isEmpty else { return nil }
    if sendingAddresses.isEmpty {
      logger.warning("blocklists.own is set, but no address that we send from is known: set blocklists.own_addresses")
    }
    return OwnListings(
      lists: lists, addresses: sendingAddresses, interval: settings.blocklists.interval,
      lookup: BlocklistLookup(try resolver()), logger: logger)
  }
}
