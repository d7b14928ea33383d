package struct NodeSection: SettingSection {
  package let prefix = "node"
  package let title = "This node"

  package let name = Setting(
    "node.name", .hostName, defaultFrom: "the machine's host name", { _ in machineName() },
    "The name of this node: in the log, in worker sessions, in reports to senders, and the default of the other names.")
}

package struct DatabaseSection: SettingSection {
  package let prefix = "database"
  package let title = "PostgreSQL"

  package let url = Setting(
    "database.url",
    .url(["postgresql", "postgres"], example: "postgresql://user@host/postrider", alsoAllowed: { $0.contains("=") }),
    default: "postgresql:///postrider", isSecret: true,
    "Where the queue is: a libpq URL or keyword string. A password in it is never printed.")
}

package struct RedisSection: SettingSection {
  package let prefix = "redis"
  package let title = "Redis"

  package let url = Setting(
    "redis.url", .url(["redis", "redis+unix"], example: "redis://127.0.0.1:6379/0"),
    default: "redis://127.0.0.1:6379/0", isSecret: true,
    "Where wake-up hints travel and acceptors share ticket keys. The node works without it, slower.")
}

package struct KeysSection: SettingSection {
  package let prefix = "keys"
  package let title = "Encryption of bodies"

  package let masterFile = Setting(
    "keys.master_file", .file, default: "/etc/postrider/master.keys",
    "The master keys, one `id:hex` a line; the last one wraps, all unwrap. Readable by the node alone.")
}

package struct SpoolSection: SettingSection {
  package let prefix = "spool"
  package let title = "Temporary files"

  package let directory = Setting(
    "spool.directory", .directory, default: "/var/tmp",
    "Where a message that is too large for memory waits, unnamed, until it is in the queue.")
}

package struct LogSection: SettingSection {
  package let prefix = "log"
  package let title = "Log lines on stderr"

  package let format = Setting(
    "log.format", .oneOf(["text", "json"]), default: "text", "`text` for people, `json` for programs.")
  package let level = Setting(
    "log.level", .oneOf(["trace", "debug", "info", "notice", "warning", "error", "critical"]), default: "info",
    "Lines below this level are not written.")
}

package struct ShutdownSection: SettingSection {
  package let prefix = "shutdown"
  package let title = "The end"

  package let timeout = Setting(
    "shutdown.timeout", .duration(.zero ... .seconds(3600)), default: .seconds(30),
    "How long a role may finish what it has begun after SIGTERM.")
}
