/// Waits of a cause after the first failures. The names are those of `RetryCause`.
package struct RetryWaitsSection: SettingSection {
  package let prefix = "retry.waits"
  package let title = "Retries by cause"

  package let greylist = waits(
    "greylist", minutes: [7, 15], "Greylisted: the server wants to see the message again in some minutes.")
  package let mailboxFull = waits("mailbox_full", minutes: [60, 120, 240], "The mailbox is full.")
  package let blocklist = waits(
    "blocklist", minutes: [30, 60, 120, 240], "A block list names us; the site is slowed down besides.")
  package let rateLimit = waits(
    "rate_limit", minutes: [15, 30, 60], "The site wants less; it is slowed down besides.")
  package let network = waits("network", "No connection, or one that broke.")
  package let dns = waits("dns", "The name servers do not answer.")
  package let tls = waits("tls", "No TLS where there must be some.")
  package let system = waits("system", "The server says that it is not able just now.")
  package let login = waits("login", minutes: [30, 60], "A relay refuses our login.")
  package let local = waits("local", minutes: [1, 2, 4], "Trouble of our own: database, disk, shutdown.")

  private static func waits(_ name: String, minutes: [Int] = [], _ meaning: String) -> Setting<[Duration]> {
    Setting(
      "retry.waits.\(name)", .list(of: .duration(.seconds(1) ... .seconds(7 * 86400))),
      default: minutes.map { .seconds($0 * 60) },
      meaning + " The waits after the first failures; then the ordinary ones, none shorter than the last of these.")
  }
}

package struct SlowdownSection: SettingSection {
  package let prefix = "retry.slowdown"
  package let title = "Sites that want less"

  package let pause = Setting(
    "retry.slowdown.pause", .duration(.milliseconds(100) ... .seconds(86400)), default: .seconds(60),
    "For how long nothing is sent to a site after a rate limit; each further one doubles it.")
  package let blocklistPause = Setting(
    "retry.slowdown.blocklist_pause", .duration(.milliseconds(100) ... .seconds(86400)), default: .seconds(600),
    "The same after a block list entry.")
  package let pauseMax = Setting(
    "retry.slowdown.pause_max", .duration(.milliseconds(100) ... .seconds(86400)), default: .seconds(3600),
    "No such pause is longer.")
  package let recovery = Setting(
    "retry.slowdown.recovery", .duration(.seconds(1) ... .seconds(7 * 86400)), default: .seconds(3600),
    "How long a site's rate takes from a standstill to what was normal, in a straight line.")
  package let normalMin = Setting(
    "retry.slowdown.normal_min", .count(1...100_000), default: 60,
    "Messages a minute that count as a site's normal rate where fewer were seen; a slowdown begins at half of it.")
}

package struct ProbeSection: SettingSection {
  package let prefix = "retry.probe"
  package let title = "Sites that cannot be reached"

  package let after = Setting(
    "retry.probe.after", .count(1...1000), default: 3,
    "So many deliveries in a row without a connection to any host, and a site's mail waits while one message at a "
      + "time probes it.")
  package let first = Setting(
    "retry.probe.first", .duration(.seconds(1) ... .seconds(86400)), default: .seconds(60),
    "From then to the first probe; each further wait is twice as long.")
  package let max = Setting(
    "retry.probe.max", .duration(.seconds(1) ... .seconds(86400)), default: .seconds(1800),
    "No wait between two probes is longer.")
}
