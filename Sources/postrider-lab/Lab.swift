import ArgumentParser

/// The laboratory: the other ends of the node's connections. Tests, the demo and benchmarks use it; nobody installs it.
@main
struct Lab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "postrider-lab",
    abstract: "Plays the mail servers that take Postrider's mail, and the clients that submit it.",
    discussion: "It is meant for tests: it believes everything and keeps nothing secret.",
    subcommands: [Sink.self, Source.self])
}
