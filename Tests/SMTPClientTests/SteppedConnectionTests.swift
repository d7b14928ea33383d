import DNS
import MailModel
import SMTPClient
import SMTPWire
import TLS
import Testing

/// A conversation a step at a time, with a server that plays a script.
@Suite struct SteppedConnectionTests {
  private static let limit = Duration.seconds(120)
  private static let loopback = IPAddress(v4: 0x7F00_0001)

  private func with(
    _ script: [String], _ body: (SteppedConnection, TLSContext) async throws -> Void
  ) async throws {
    let world = try World.shared.get()
    let server = try await ScriptedServer([script], message: [], tls: world.serverTLS, group: world.group)
    let connection = try await SteppedConnection.open(
      to: Self.loopback, port: server.port, within: Self.limit, on: world.group)
    try await body(connection, world.clientTLS)
    connection.close()
    try await server.stop()
    #expect(server.faults == [])
  }

  @Test func eachStepHasItsReply() async throws {
    try await with([
      "S 220 mx", "C EHLO a", "S 250-mx", "S 250 STARTTLS", "C STARTTLS", "STARTTLS 220 go", "C NOOP", "S 250 ok",
    ]) {
      connection, tls in
      #expect(try await connection.reply(within: Self.limit).code == 220)
      let hello = try await connection.command("EHLO a", within: Self.limit)
      #expect(ClientCapabilities(ehlo: hello).startTLS)
      #expect(try await connection.command("STARTTLS", within: Self.limit).code == 220)
      let (facts, peer) = try await connection.startTLS(tls, name: "localhost", within: Self.limit)
      #expect(facts.verified && peer.fault == nil && peer.chain.count == 1)
      #expect(try await connection.command("NOOP", within: Self.limit).code == 250)
      #expect(connection.ourAddress == "127.0.0.1")
    }
  }

  @Test func anotherNamesCertificateIsToldAndEncryptsAllTheSame() async throws {
    try await with(["TLS", "S 220 mx"]) { connection, tls in
      let (facts, peer) = try await connection.startTLS(tls, name: "elsewhere.test", within: Self.limit)
      #expect(!facts.verified && peer.fault == .name)
      #expect(try await connection.reply(within: Self.limit).code == 220)
    }
  }

  @Test func theLastWordOfAServerThatClosesIsHeard() async throws {
    try await with(["S 421 4.3.2 busy", "CLOSE"]) { connection, _ in
      let farewell = try await connection.reply(within: Self.limit)
      #expect(farewell.code == 421)
      await #expect(throws: StepTrouble.closed) { try await connection.reply(within: Self.limit) }
    }
  }

  @Test func aSilentServerTimesOut() async throws {
    try await with(["HANG"]) { connection, _ in
      await #expect(throws: StepTrouble.timedOut) { try await connection.reply(within: .milliseconds(50)) }
      // And is of no more use.
      await #expect(throws: StepTrouble.timedOut) { try await connection.command("NOOP", within: Self.limit) }
    }
  }

  @Test func bytesInClearBehindSTARTTLSAreNotBelieved() async throws {
    try await with(["C STARTTLS", "R 220 go\\r\\n250 evil\\r\\n"]) { connection, tls in
      let answer = try await connection.command("STARTTLS", within: Self.limit)
      #expect(answer.code == 220)
      await #expect(throws: StepTrouble.notSMTP("something was said in clear after STARTTLS")) {
        _ = try await connection.startTLS(tls, name: "localhost", within: Self.limit)
      }
    }
  }

  @Test func whatIsNoReplyAndWhatIsNoCommand() async throws {
    try await with(["S SSH-2.0-server", "HANG"]) { connection, _ in
      await #expect(throws: StepTrouble.self) { try await connection.reply(within: Self.limit) }
    }
    try await with(["HANG"]) { connection, _ in
      await #expect(throws: StepTrouble.self) { try await connection.command("NOOP\r\nQUIT", within: Self.limit) }
    }
  }

  @Test func nobodyThereIsRefused() async throws {
    let world = try World.shared.get()
    let server = try await ScriptedServer([], message: [], tls: world.serverTLS, group: world.group)
    let port = server.port
    try await server.stop()
    await #expect(throws: StepTrouble.refused) {
      _ = try await SteppedConnection.open(to: Self.loopback, port: port, within: Self.limit, on: world.group)
    }
  }
}
