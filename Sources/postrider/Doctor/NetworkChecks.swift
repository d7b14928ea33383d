internal import DNS
internal import Foundation
internal import NIOPosix
internal import Redis
internal import Settings
internal import Supervision

/// Redis, DNS and the ports of this machine.
struct NetworkChecks {
  let settings: Settings

  func run() async -> [Finding] { await [redis(), dns()] + ports() }

  private func redis() async -> Finding {
    let advice = "start Redis or mend redis.url; the node works without it, only slower to wake up"
    do {
      let url = try RedisURL(settings.redis.url)
      let client = RedisClient(url: url, group: MultiThreadedEventLoopGroup.singleton)
      let clock = ContinuousClock()
      let start = clock.now
      let finding: Finding
      do {
        try await client.connect()
        let connected = clock.now
        _ = try await client.send(["PING"])
        let answered = clock.now
        finding = .ok(
          "redis",
          "\(url), connected in \((connected - start).precise), answers in \((answered - connected).precise)")
      } catch {
        finding = .warning("redis", "\(url): \(error)", advice: advice)
      }
      await client.shutdown()
      return finding
    } catch {
      return .failed("redis", "\(error)", advice: "mend redis.url")
    }
  }

  /// A look-up of our own name tells whether the resolver answers, and whether others will believe our EHLO.
  private func dns() async -> Finding {
    let name = settings.delivery.hostname
    do {
      let resolver = try Node(settings, role: "doctor").resolver()
      defer { resolver.shutdown() }
      let start = ContinuousClock.now
      let answer = await resolver.addresses(of: name)
      let time = (ContinuousClock.now - start).precise
      switch answer {
      case .found(let addresses, let secure):
        let list = addresses.map(\.description).joined(separator: ", ")
        return .ok("dns", "answers in \(time); \(name) has \(list)\(secure ? ", proved by DNSSEC" : "")")
      case .noData, .noSuchDomain:
        return .warning(
          "dns", "answers in \(time), but \(name) has no address: many servers refuse mail from such a name",
          advice: "set delivery.hostname to a name whose address leads back to it")
      case .failed(let why):
        return .failed(
          "dns", "the resolver does not answer: \(why)",
          advice: "see dns.servers, or /etc/resolv.conf when it is empty; without DNS all mail is deferred")
      }
    } catch {
      return .failed("dns", "\(error)", advice: "see dns.servers and dns.trust_anchor_file")
    }
  }

  private func ports() -> [Finding] {
    let submission = settings.smtp.implicitTLS.listen + settings.smtp.startTLS.listen + settings.smtp.plain.listen
    return (submission + settings.mailboxes.policy.listen).map(port)
  }

  private func port(_ listener: ListenAddress) -> Finding {
    let name = "port \(listener)"
    guard LoopbackPort.hasAddress(listener.host) else {
      return .failed(
        name, "this machine has no address \(listener.host): an acceptor does not start",
        advice:
          "take it out of the setting that names it (smtp.….listen, mailboxes.policy.listen), or configure the address")
    }
    if !LoopbackPort.isFree(listener.port, at: listener.host) {
      return .ok(name, "somebody listens: an acceptor of ours, unless another server has it")
    }
    guard listener.port >= Self.firstUnprivilegedPort || geteuid() == 0 else {
      return .warning(
        name, "free, but privileged",
        advice: "give the node CAP_NET_BIND_SERVICE, or lower net.ipv4.ip_unprivileged_port_start")
    }
    return .ok(name, "free: no acceptor runs here")
  }

  private static var firstUnprivilegedPort: Int {
    let text = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8)
    return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 1024
  }
}
