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
    "database.url", .databaseURL, default: "postgresql:///postrider", isSecret: true,
    "Where the queue is: a libpq URL or keyword string. Of several hosts the one that can be written is used, and found "
      + "again after a failover. A password in it is never printed.")
  package let shards = Setting(
    "database.shards", .shards, default: [], isSecret: true,
    "Further primaries with a part of the tenants each, for more mail than one machine can hold; `database.url` is then "
      + "the shard `home`, and the directory of all. The same list for every process.")
}

package struct RedisSection: SettingSection {
  package let prefix = "redis"
  package let title = "Redis"

  package let url = Setting(
    "redis.url", .url(["redis", "redis+unix", "redis+sentinel"], example: "redis://127.0.0.1:6379/0"),
    default: "redis://127.0.0.1:6379/0", isSecret: true,
    "Where wake-up hints travel, acceptors share ticket keys and limits are counted. With Sentinel: "
      + "`redis+sentinel://:password@host:port,host:port/master-name/0`, and `?sentinel_password=` if the Sentinels want "
      + "one. The node works without it, slower.")
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

package struct StatusSection: SettingSection {
  package let prefix = "status"
  package let title = "Health and metrics over HTTP"

  package let listen = Setting(
    "status.listen", .optional(.listen), default: nil,
    "Where this process answers /healthz, /readyz and /metrics; port 0 takes any free one and the log tells which. "
      + "Each process needs an address of its own (`--set` or the environment). Plain HTTP without a login, and metrics "
      + "name tenants: for loopback or a network of the operators' own.")
  package let queueInterval = Setting(
    "status.queue_interval", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(15),
    "How often the leading keeper looks at the queue for its metrics.")
}

package struct ShutdownSection: SettingSection {
  package let prefix = "shutdown"
  package let title = "The end"

  package let timeout = Setting(
    "shutdown.timeout", .duration(.zero ... .seconds(3600)), default: .seconds(30),
    "How long a role may finish what it has begun after SIGTERM.")
  package let notice = Setting(
    "shutdown.notice", .duration(.zero ... .seconds(600)), default: .zero,
    "How long an acceptor goes on as before after SIGTERM while /readyz says «draining», so that load balancers stop "
      + "sending to it first; then `shutdown.timeout` begins.")
}
