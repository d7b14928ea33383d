/// All sections, in the order of documentation.
package struct SettingTable: Sendable {
  package let node = NodeSection()
  package let database = DatabaseSection()
  package let redis = RedisSection()
  package let keys = KeysSection()
  package let spool = SpoolSection()
  package let log = LogSection()
  package let smtp = SMTPSection()
  package let scanning = ScanningSection()
  package let inbound = InboundSection()
  package let discovery = DiscoverySection()
  package let limits = LimitsSection()
  package let delivery = DeliverySection()
  package let mailboxes = MailboxSection()
  package let worker = WorkerSection()
  package let dns = DNSSection()
  package let domains = DomainsSection()
  package let retry = RetrySection()
  package let keeper = KeeperSection()
  package let retention = RetentionSection()
  package let notices = NoticeSection()
  package let blocklists = BlocklistSection()
  package let suppression = SuppressionSection()
  package let status = StatusSection()
  package let shutdown = ShutdownSection()

  package static let standard = SettingTable()

  var sections: [any SettingSection] {
    Mirror(reflecting: self).children.compactMap { $0.value as? any SettingSection }
  }

  var settings: [any AnySetting] { sections.flatMap(\.settings) }

  var byName: [String: any AnySetting] {
    Dictionary(uniqueKeysWithValues: settings.map { ($0.name, $0) })
  }
}
