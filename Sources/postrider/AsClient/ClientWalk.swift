internal import DNS
internal import MailModel
internal import NIOCore
internal import NIOPosix
internal import SMTPClient
internal import TLS

/// What a mail program does with its server, one step after the other: the name, then each port at each address, then
/// the account, over the first connection whose certificate is in order.
///
/// A password goes only where the certificate stands for the name. Nothing is sent to anybody unless that was asked for.
struct ClientWalk {
  struct Outcome: Encodable {
    let port: Int
    let security: ClientPlan.Security
    /// At least at one address a mail program can log in there.
    var isUsable = false
  }

  /// Addresses of one name that are tried.
  static let addressesMax = 8

  let plan: ClientPlan
  let resolver: DNSResolver
  let tls: TLSContext
  let group: any EventLoopGroup
  /// Told of each finding as it is made.
  let tell: (Finding) -> Void

  private(set) var findings: [Finding] = []
  private(set) var outcomes: [Outcome] = []
  private var accountIsTried = false

  init(
    plan: ClientPlan, resolver: DNSResolver, tls: TLSContext, group: any EventLoopGroup,
    tell: @escaping (Finding) -> Void
  ) {
    (self.plan, self.resolver, self.tls, self.group, self.tell) = (plan, resolver, tls, group, tell)
  }

  mutating func run() async {
    let names = await NameSteps(host: plan.host, resolver: resolver, limit: plan.limit).run()
    add(names.findings)
    let addresses = names.addresses.prefix(Self.addressesMax)
    for port in plan.ports where !addresses.isEmpty {
      var outcome = Outcome(port: port.number, security: port.security)
      for address in addresses {
        if await walk(port, at: address, among: addresses.count) { outcome.isUsable = true }
      }
      outcomes.append(outcome)
    }
    if plan.account != nil, !accountIsTried, !addresses.isEmpty {
      add([
        .failed(
          "login", "not tried: the password is not sent over any of these connections", advice: "mend what failed above"
        )
      ])
    }
  }

  /// - Returns: whether a mail program could log in there.
  private mutating func walk(_ port: ClientPlan.Port, at address: IPAddress, among count: Int) async -> Bool {
    var steps = PortSteps(
      plan: plan, port: port, address: address, isAlone: count == 1, tls: tls, group: group, tell: tell)
    let session = await steps.run()
    findings += steps.findings
    guard let session else { return false }
    if !accountIsTried, session.isTrusted, plan.account != nil {
      accountIsTried = true
      var account = AccountSteps(plan: plan, session: session, tell: tell)
      await account.run()
      findings += account.findings
    }
    _ = try? await session.connection.command("QUIT", within: min(plan.limit, .seconds(5)))
    session.connection.close()
    return session.isTrusted
  }

  private mutating func add(_ more: [Finding]) {
    findings += more
    more.forEach(tell)
  }
}

extension ClientWalk {
  /// What it all comes to, for people.
  var summary: String {
    let usable = outcomes.filter(\.isUsable)
    var text =
      usable.isEmpty
      ? "No mail program can use \(plan.host) from here."
      : "A mail program can use \(plan.host) with "
        + usable.map { "port \($0.port) (\($0.security.rawValue))" }.joined(separator: " and ") + "."
    if plan.account == nil, !usable.isEmpty {
      text += "\nLogin, sender and recipient were not tried: --user NAME tries them."
    } else if accountIsTried, !plan.sends {
      text += "\nNothing was sent, so limits and content filters were not met: --to ADDRESS --send sends a message."
    }
    return text
  }
}
