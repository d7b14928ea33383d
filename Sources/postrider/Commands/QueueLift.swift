internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres

extension QueueCommand {
  struct Lift: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let mail go to a site that is down or slowed.",
      discussion: """
        Its mail is tried at once, as if nothing had been wrong. If it still is, the site is soon down or slowed again.
        `postrider queue` names the sites; a domain stands for those that its mail waits for.
        """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The site, or a destination domain.") var name: String

    private struct Record: Encodable {
      var sites: [String]
      /// Pairs of tenant and destination whose mail goes on.
      var destinations: Int
    }

    func run() throws {
      let parts = try common.withEachShard("queue lift") { connection in
        let sites = try Sites.named(name, connection)
        var lanes = 0
        for site in sites { lanes += try Sites.resume(site, connection) }
        return (sites: sites, lanes: lanes)
      }
      let sites = Set(parts.found.flatMap(\.answer.sites)).sorted()
      let lanes = parts.found.reduce(0) { $0 + $1.answer.lanes }
      guard !sites.isEmpty || !parts.missing.isEmpty else {
        throw CommandFailure(
          .notFound, "\(name) is neither down nor slowed", advice: "`postrider queue` shows which sites are")
      }
      try common.report(
        Record(sites: sites, destinations: lanes),
        "\(sites.joined(separator: ", ")): lifted, \(lanes) \(lanes == 1 ? "destination goes" : "destinations go") on")
      guard parts.missing.isEmpty else {
        parts.warn()
        throw ExitCode(ExitStatus.temporary.rawValue)
      }
    }
  }
}
