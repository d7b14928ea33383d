import MailTesting
import Testing

/// Real processes and a real name server: a client that is listed, and an address of ours that is.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BlocklistTests {
  private static let zones = [
    "bl.test": "2.0.0.127 IN A 127.0.0.2\n9.100.51.198 IN A 127.0.0.4\n9.100.51.198 IN TXT \"a leak of ours\"\n"
  ]

  @Test func aKeeperTellsThatWeAreListed() async throws {
    let node = try await RunningNode(zones: Self.zones)
    let keeper = try await node.watched(
      "keeper", awaiting: "a block list names an address that we send from",
      ["blocklists.own=bl.test", "blocklists.own_addresses=198.51.100.9,198.51.100.8"])
    for shown in ["198.51.100.9\"} 1", "198.51.100.8\"} 0"] {
      _ = try await keeper.waitUntil(
        "/metrics", code: 200, saying: "\npostrider_blocklist_listed{list=\"bl.test\",address=\"\(shown)\n")
    }
  }

  /// The node as it is deployed: a message that its client may not send, and one of another node's that it may.
  @Test func aListedClientGetsNothingThrough() async throws {
    let node = try await RunningNode(zones: [
      "bl.test": "2.0.0.127 IN A 127.0.0.2\n",
      "everybody.test": "* IN A 127.0.0.2\n",
    ])
    let acceptor = try await node.watched("acceptor", awaiting: "ready", ["blocklists.clients=everybody.test,bl.test"])
    // 127.0.0.1 is in a list that lists everything: nobody is refused because of it.
    #expect(try await node.send().first?.isEmpty == false)
    _ = try await acceptor.waitUntil("/metrics", code: 200, saying: "\npostrider_messages_accepted_total 1\n")
  }
}
