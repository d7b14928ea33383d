import MailTesting
import TLS
import Testing
import TicketKeys

/// With OpenSSL's own client.
@Suite("Resumption across acceptors", .serialized, .timeLimit(.minutes(10))) struct ResumptionTests {
  let deployment: Deployment

  init() async throws { deployment = try await Deployment() }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func aTicketOfOneIsGoodAtTheOtherForAnHourOrTwo(version: String) async throws {
    let (one, other) = try await (deployment.acceptor(), deployment.acceptor())
    let session = deployment.directory.path("session")
    #expect(try await deployment.connect(to: one, version: version, ["-sess_out", session]) == false)
    #expect(try await deployment.connect(to: other, version: version, ["-sess_in", session]))
    deployment.pass(1)
    for acceptor in [one, other] { await acceptor.keys.refresh() }
    #expect(try await deployment.connect(to: other, version: version, ["-sess_in", session]), "one rotation later")
    deployment.pass(1)
    for acceptor in [one, other] { await acceptor.keys.refresh() }
    #expect(try await deployment.connect(to: other, version: version, ["-sess_in", session]) == false)
    #expect(try await deployment.connect(to: one, version: version, ["-sess_in", session]) == false)
  }

  /// With TLS 1.3 only: of TLS 1.2, this client does not keep the ticket that comes with a resumption.
  @Test func aNewTicketComesWithEachResumption() async throws {
    let (one, other) = try await (deployment.acceptor(), deployment.acceptor())
    let session = deployment.directory.path("session")
    #expect(try await deployment.connect(to: one, version: "-tls1_3", ["-sess_out", session]) == false)
    for _ in 0..<4 {
      deployment.pass(0.9)
      for acceptor in [one, other] { await acceptor.keys.refresh() }
      #expect(
        try await deployment.connect(to: other, version: "-tls1_3", ["-sess_in", session, "-sess_out", session]))
    }
  }

  @Test func withoutRedisHandshakesAreFullAndWork() async throws {
    let session = deployment.directory.path("session")
    let (one, other) = try await (deployment.acceptor(), deployment.acceptor())
    try await deployment.server.kill()
    deployment.pass(3)
    for acceptor in [one, other] { await acceptor.keys.refresh() }
    #expect(try await deployment.connect(to: one, version: "-tls1_3", ["-sess_out", session]) == false)
    #expect(try await deployment.connect(to: one, version: "-tls1_3", ["-sess_in", session]), "where it began")
    #expect(try await deployment.connect(to: other, version: "-tls1_3", ["-sess_in", session]) == false)
  }
}
