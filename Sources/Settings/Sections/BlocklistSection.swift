package struct BlocklistSection: SettingSection {
  package let prefix = "blocklists"
  package let title = "DNS block lists"

  package let clients = Setting(
    "blocklists.clients", .list(of: .blocklist), default: [],
    "Lists that clients are looked up in; mail from an address that one names is refused. Beware of lists of dialup "
      + "lines: people submit from there. The zone is not shown where a name is given.")
  package let clientsExempt = Setting(
    "blocklists.clients_exempt", .list(of: .network), default: [], "Networks whose clients are not looked up.")
  package let own = Setting(
    "blocklists.own", .list(of: .blocklist), default: [],
    "Lists that keepers and `postrider doctor` look our own sending addresses up in.")
  package let ownAddresses = Setting(
    "blocklists.own_addresses", .list(of: .address), default: [],
    "The addresses that the workers send from; empty: `delivery.public_address`, else this machine's first public "
      + "address.")
  package let interval = Setting(
    "blocklists.interval", .duration(.seconds(1) ... .seconds(86400)), default: .seconds(3600),
    "How often keepers look; the large lists ask for no more than a few questions an hour.")
}
