internal import CUnbound

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Makes and configures a libunbound context. The caller owns it and deletes it once.
enum UnboundContext {
  static func make(_ configuration: DNSConfiguration) throws(DNSFault) -> OpaquePointer {
    guard let context = ub_ctx_create() else { throw DNSFault(description: "libunbound could not be started") }
    do {
      try configure(context, configuration)
      return context
    } catch {
      ub_ctx_delete(context)
      throw error
    }
  }

  private static func configure(_ context: OpaquePointer, _ configuration: DNSConfiguration) throws(DNSFault) {
    for (name, value) in options { try check(ub_ctx_set_option(context, name, value), name) }
    // A thread for the iterator, never a fork of this process.
    try check(ub_ctx_async(context, 1), "async")
    // RFC 6761 §6.2, §6.4: libunbound denies these by itself; but the servers it is told to ask may well know them.
    for zone in ["test.", "invalid."] {
      try check(ub_ctx_set_option(context, "local-zone:", "\(zone) transparent"), zone)
    }
    if configuration.servers.isEmpty {
      // Without a resolv.conf libunbound asks the root servers itself.
      let code = ub_ctx_resolvconf(context, configuration.resolvConfFile)
      if code != UB_READFILE.rawValue { try check(code, configuration.resolvConfFile) }
    }
    for server in configuration.servers { try check(ub_ctx_set_fwd(context, forwarder(server)), server) }
    if let file = configuration.trustAnchorFile {
      guard access(file, R_OK) == 0 else { throw DNSFault(description: "DNS: cannot read the trust anchor \(file)") }
      try check(ub_ctx_add_ta_file(context, file), file)
    }
    // Removing what is not there changes nothing but makes the configuration final, so that a mistake in it shows now.
    try check(ub_ctx_zone_remove(context, "postrider.invalid."), "the configuration is not accepted")
  }

  private static let options: [(String, String)] = [
    ("do-not-query-localhost:", "no"),
    // Name servers exist that answer 0x20-mixed questions wrongly; the source port and id are random anyway.
    ("use-caps-for-id:", "no"),
    // The library's defaults are for a command line tool: 16 sockets, caches of 1 MB.
    ("outgoing-range:", "512"),
    ("outgoing-num-tcp:", "32"),
    ("num-queries-per-thread:", "1024"),
    ("msg-cache-size:", "16m"),
    ("rrset-cache-size:", "32m"),
    // A name server that was away is tried again soon: mail waits for minutes, not for the 15 of the default.
    ("infra-host-ttl:", "60"),
    ("infra-keep-probing:", "yes"),
    ("cache-max-ttl:", "86400"),
    ("cache-max-negative-ttl:", "900"),
    ("verbosity:", "0"),
    ("use-syslog:", "no"),
  ]

  private static func check(_ code: Int32, _ what: String) throws(DNSFault) {
    guard code != 0 else { return }
    throw DNSFault(description: "DNS: \(what): \(ub_strerror(code).map { String(cString: $0) } ?? "error \(code)")")
  }
}
