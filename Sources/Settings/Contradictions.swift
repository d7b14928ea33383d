/// Values that are each allowed but not together.
func contradictions(in settings: Settings) -> [String] {
  var problems: [String] = []
  func require(_ holds: Bool, _ names: [String], _ why: String) {
    if holds { return }
    let shown = settings.entries.filter { names.contains($0.name) }
      .map { "\($0.name) (\($0.value.isEmpty ? "not set" : $0.value), \($0.origin))" }
    problems.append(shown.joined(separator: " and ") + ": " + why)
  }
  require(
    settings.retry.first <= settings.retry.max, ["retry.first", "retry.max"],
    "the first wait must not be longer than the longest")
  require(
    settings.retry.max < settings.retry.period, ["retry.max", "retry.period"],
    "the longest wait must be shorter than the whole period")
  let waits = settings.retry.waits
  for (name, list) in [
    ("greylist", waits.greylist), ("mailbox_full", waits.mailboxFull), ("blocklist", waits.blocklist),
    ("rate_limit", waits.rateLimit), ("network", waits.network), ("dns", waits.dns), ("tls", waits.tls),
    ("system", waits.system), ("login", waits.login), ("local", waits.local),
  ] {
    require(list == list.sorted(), ["retry.waits.\(name)"], "no wait may be shorter than the one before")
  }
  require(
    settings.retry.slowdown.pause <= settings.retry.slowdown.pauseMax
      && settings.retry.slowdown.blocklistPause <= settings.retry.slowdown.pauseMax,
    ["retry.slowdown.pause", "retry.slowdown.blocklist_pause", "retry.slowdown.pause_max"],
    "the first pause must not be longer than the longest")
  require(
    settings.retry.probe.first <= settings.retry.probe.max, ["retry.probe.first", "retry.probe.max"],
    "the first wait must not be longer than the longest")
  require(
    settings.worker.lease >= settings.worker.heartbeat * 3, ["worker.heartbeat", "worker.lease"],
    "a lease must last at least three heartbeats, or one lost heartbeat loses work")
  require(
    (settings.smtp.certificateFile == nil) == (settings.smtp.keyFile == nil),
    ["smtp.certificate_file", "smtp.key_file"], "set both or neither")
  require(
    settings.smtp.headerSizeMax <= settings.smtp.messageSizeMax, ["smtp.message_size_max", "smtp.header_size_max"],
    "the header is part of the message")
  require(
    settings.limits.messageSize ?? 0 <= settings.smtp.messageSizeMax, ["limits.message_size", "smtp.message_size_max"],
    "no message that large is taken from anybody")
  if let tag = settings.scanning.tagScore, let spam = settings.scanning.spamScore {
    require(
      tag <= spam, ["scanning.tag_score", "scanning.spam_score"],
      "a message must not need a higher score to be marked than to be spam")
  }
  let plain = settings.smtp.plain
  require(
    plain.listen.isEmpty || (plain.tenant != nil && !plain.allowNetworks.isEmpty),
    ["smtp.plain.listen", "smtp.plain.tenant", "smtp.plain.allow_networks"],
    "a listener without login needs the tenant that it is for and the networks that may use it")
  require(
    plain.allowNetworks.allSatisfy(isNarrow), ["smtp.plain.allow_networks"],
    "a network this wide lets strangers send mail: IPv4 needs /8 or longer, IPv6 /16 or longer")
  require(
    settings.smtp.proxyProtocol.allowNetworks.allSatisfy(isNarrow), ["smtp.proxy_protocol.allow_networks"],
    "a network this wide lets strangers choose their address: IPv4 needs /8 or longer, IPv6 /16 or longer")
  let discovery = settings.discovery
  require(
    discovery.submission.implicitTLSPort != 0 || discovery.submission.startTLSPort != 0,
    ["discovery.submission.implicit_tls_port", "discovery.submission.starttls_port"], "one of them must be told")
  require(
    (discovery.http.listen.isEmpty && discovery.https.listen.isEmpty) || discovery.imap.hostname != nil
      || discovery.pop3.hostname != nil,
    ["discovery.http.listen", "discovery.https.listen", "discovery.imap.hostname", "discovery.pop3.hostname"],
    "no mail program sets up an account that cannot be read: name the host for IMAP or for POP3")
  require(
    discovery.https.listen.isEmpty || settings.smtp.certificateFile != nil,
    ["discovery.https.listen", "smtp.certificate_file"], "TLS needs a certificate")
  require(
    discovery.proxies.allSatisfy(isNarrow), ["discovery.proxies"],
    "a network this wide lets strangers choose their address: IPv4 needs /8 or longer, IPv6 /16 or longer")
  let policy = settings.mailboxes.policy
  require(
    policy.listen.allSatisfy { isLoopback($0.host) || isPrivate($0.host) }, ["mailboxes.policy.listen"],
    "who may log in is nobody else's to ask: take an address of loopback or of a private network (RFC 1918, fc00::/7)")
  require(
    policy.keyFile != nil || policy.listen.allSatisfy { isLoopback($0.host) },
    ["mailboxes.policy.listen", "mailboxes.policy.key_file"],
    "without a secret whoever reaches the port could lock others out; only loopback goes without one")
  let lists = settings.blocklists
  require(
    !lists.own.isEmpty || lists.ownAddresses.isEmpty, ["blocklists.own", "blocklists.own_addresses"],
    "there are addresses and no list to look them up in")
  require(
    !lists.clients.isEmpty || lists.clientsExempt.isEmpty, ["blocklists.clients", "blocklists.clients_exempt"],
    "there are exemptions and no list that they are from")
  return problems
}

/// Whether a network is so small that somebody may own it.
private func isNarrow(_ network: String) -> Bool {
  let parts = network.split(separator: "/")
  guard parts.count == 2, let length = plainNumber(parts[1]) else { return true }
  return length >= (isIPv4(parts[0]) ? 8 : 16)
}
