package struct WorkerSection: SettingSection {
  package let prefix = "worker"
  package let title = "Workers"

  package let jobsMax = Setting(
    "worker.jobs_max", .count(1...100_000), default: 1000, "Recipients in flight at once in one worker.")
  package let nice = Setting(
    "worker.nice", .count(0...19), default: 10,
    "How far a worker steps back when the processor is short (nice(1)): somebody waits for each 250, nobody for a "
      + "delivery's last millisecond. With 10 it keeps a tenth of what others get.")
  package let pollInterval = Setting(
    "worker.poll_interval", .duration(.milliseconds(50) ... .seconds(60)), default: .seconds(1),
    "How often an idle worker looks for work when no hint comes.")
  package let heartbeat = Setting(
    "worker.heartbeat", .duration(.milliseconds(100) ... .seconds(60)), default: .seconds(5),
    "How often a worker renews its lease.")
  package let lease = Setting(
    "worker.lease", .duration(.milliseconds(500) ... .seconds(600)), default: .seconds(30),
    "After this time without a heartbeat others may take a worker's jobs.")
}

package struct DNSSection: SettingSection {
  package let prefix = "dns"
  package let title = "DNS"

  package let servers = Setting(
    "dns.servers", .list(of: .nameServer), default: [], "Name servers to ask; empty takes the system's.")
  package let timeout = Setting(
    "dns.timeout", .duration(.milliseconds(100) ... .seconds(120)), default: .seconds(10), "The limit of one lookup.")
  package let trustAnchorFile = Setting(
    "dns.trust_anchor_file", .optional(.file), default: nil,
    "The root's key for DNSSEC. Without it nothing is validated.")
}

package struct RetrySection: SettingSection {
  package let prefix = "retry"
  package let title = "Retries"

  package let period = Setting(
    "retry.period", .duration(.seconds(60) ... .seconds(30 * 86400)), default: .seconds(5 * 86400),
    "How long delivery is tried after acceptance; then the sender gets a report.")
  package let first = Setting(
    "retry.first", .duration(.seconds(1) ... .seconds(86400)), default: .seconds(300),
    "The wait after the first failed attempt, before jitter.")
  package let factor = Setting(
    "retry.factor", .number(1...10), default: 2, "By how much each wait is longer than the one before.")
  package let max = Setting(
    "retry.max", .duration(.seconds(1) ... .seconds(7 * 86400)), default: .seconds(4 * 3600),
    "No wait is longer than this, jitter included.")
  package let jitter = Setting(
    "retry.jitter", .number(0...0.9), default: 0.2,
    "Each wait is shortened by a random part of up to this share, so that retries spread out.")
  package let waits = RetryWaitsSection()
  package let slowdown = SlowdownSection()
  package let probe = ProbeSection()
}

package struct KeeperSection: SettingSection {
  package let prefix = "keeper"
  package let title = "Upkeep"

  package let interval = Setting(
    "keeper.interval", .duration(.milliseconds(100) ... .seconds(600)), default: .seconds(5),
    "How often the keeper looks at its duties.")
  package let partitionsAhead = Setting(
    "keeper.partitions_ahead", .count(2...366), default: 8, "Days for which tables exist in advance.")
}
