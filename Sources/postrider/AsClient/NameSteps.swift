internal import DNS
internal import NIOCore
internal import NIOPosix

/// From the server's name to its addresses.
struct NameSteps {
  let host: String
  let resolver: DNSResolver
  let limit: Duration

  func run() async -> (findings: [Finding], addresses: [IPAddress]) {
    if let address = IPAddress(host) {
      return ([.ok("name", "\(host) is an address: nothing to look up")], [address])
    }
    switch await resolver.addresses(of: host) {
    case .found(let addresses, let secure):
      let list = addresses.map { "\($0) (\($0.family == .v4 ? "A" : "AAAA"))" }.joined(separator: ", ")
      return ([.ok("name", "\(host) has \(list)\(secure ? ", proved by DNSSEC" : "")")], addresses)
    case .noData:
      return await elsewhere(
        "\(host) is known and has no address (neither A nor AAAA)", "see that the server's name is written right")
    case .noSuchDomain:
      return await elsewhere("\(host) does not exist in the DNS", "see that the server's name is written right")
    case .failed(let why):
      return await elsewhere(
        "\(host) cannot be looked up: \(why)", "see whether this machine is on line, and its name servers")
    }
  }

  /// A table of this machine's own, such as /etc/hosts, may know more than the DNS.
  private func elsewhere(_ problem: String, _ advice: String) async -> ([Finding], [IPAddress]) {
    guard let address = await systemAddress() else { return ([.failed("name", problem, advice: advice)], []) }
    let finding = Finding.warning(
      "name", "\(problem); this machine has \(address) for it from elsewhere, perhaps /etc/hosts",
      advice: "other machines will not find it: publish an A or AAAA record")
    return ([finding], [address])
  }

  private func systemAddress() async -> IPAddress? {
    let (host, eventLoop) = (host, MultiThreadedEventLoopGroup.singleton.any())
    let found = eventLoop.makePromise(of: IPAddress?.self)
    // The system's look-up blocks, for as long as it likes.
    let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { found.succeed(nil) }
    NIOThreadPool.singleton.submit { state in
      guard case .active = state else { return found.succeed(nil) }
      let address = try? SocketAddress.makeAddressResolvingHost(host, port: 0)
      found.succeed(address?.ipAddress.flatMap { IPAddress($0) })
    }
    defer { timer.cancel() }
    return try? await found.futureResult.get()
  }
}
