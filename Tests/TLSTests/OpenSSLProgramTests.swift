import Cryptography
import Foundation
import MailTesting
import NIOCore
import TLS
import Testing

/// Against another program's TLS: `openssl s_client` and `openssl s_server`.
@Suite(.timeLimit(.minutes(10))) struct OpenSSLProgramTests {
  let certificates: Certificates

  init() throws { certificates = try Certificates() }

  @Test(arguments: [["-tls1_2"], ["-tls1_3"], ["-tls1_2", "-starttls", "smtp"], ["-tls1_3", "-starttls", "smtp"]])
  func clientsOfBothVersionsConnect(options: [String]) async throws {
    let server = try await LittleServer(certificates.server(), implicit: !options.contains("-starttls"))
    let output = try await client(
      server, options + ["-CAfile", certificates.files.authorityCertificate, "-verify_return_error"])
    #expect(output.contains("250 NOOP one"))
    #expect(output.contains("221 bye"))
    #expect(output.contains("Verify return code: 0 (ok)"))
    #expect(output.contains(options.contains("-tls1_2") ? "New, TLSv1.2, Cipher" : "New, TLSv1.3, Cipher"))
  }

  @Test func aServerCanDemandTLS13() async throws {
    let server = try await LittleServer(certificates.server(.v1_3), implicit: true)
    #expect(try await client(server, ["-tls1_2"]).contains("protocol version"))
    #expect(try await client(server, ["-tls1_3"]).contains("250 NOOP one"))
  }

  @Test(arguments: ["-tls1", "-tls1_1"])
  func olderVersionsAreRefused(version: String) async throws {
    let server = try await LittleServer(certificates.server(), implicit: true)
    let output = try await client(server, [version, "-cipher", "DEFAULT@SECLEVEL=0"])
    #expect(output.contains("protocol version"))
    #expect(!output.contains("250 NOOP one"))
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func ticketsResumeAlsoAfterAReload(version: String) async throws {
    let context = try certificates.server()
    let server = try await LittleServer(context, implicit: true)
    let session = certificates.directory + "/session"
    #expect(try await client(server, [version, "-sess_out", session]).contains("New, TLS"))
    #expect(try await client(server, [version, "-sess_in", session]).contains("Reused, TLS"))
    try context.reload()
    #expect(try await client(server, [version, "-sess_in", session]).contains("Reused, TLS"))
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func aTicketSaysHowLongItLives(version: String) async throws {
    let context = try TLSContext.server(
      certificateFile: certificates.files.certificate, keyFile: certificates.files.key, ticketLifetime: .seconds(77))
    let server = try await LittleServer(context, implicit: true)
    #expect(try await client(server, [version]).contains("ticket lifetime hint: 77 (seconds)"))
  }

  @Test func renegotiationIsRefused() async throws {
    let server = try await LittleServer(certificates.server(), implicit: true)
    let output = try await client(server, ["-tls1_2"], input: "R\n", commands: true)
    #expect(output.contains("no renegotiation"))
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func serversOfBothVersionsAnswer(version: String) async throws {
    let server = try ProcessHarness(
      "openssl",
      [
        "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.files.certificate, "-key", certificates.files.key,
        "-rev", version,
      ])
    let line = try await server.waitForLine(containing: "ACCEPT 127.0.0.1:")
    let port = try #require(Int(line.split(separator: ":").last ?? ""))
    let context = try certificates.client()
    let connection = try await Connection.open(port: port) {
      TLSHandler(client: context, serverName: "localhost", verification: .required)
    }
    let facts = try await connection.handshake()
    #expect(facts.verified)
    #expect(facts.version == (version == "-tls1_2" ? "TLSv1.2" : "TLSv1.3"))
    try await connection.send("stressed\n")
    #expect(await connection.next() == .line("desserts"))
    try await server.kill()
    // Killed, it could not say goodbye.
    guard case .failure(let failure) = await connection.next() else {
      Issue.record("the end is not told")
      return
    }
    #expect(failure.kind == .truncated)
  }

  /// Runs `openssl s_client` to its end and returns all of its output.
  private func client(
    _ server: LittleServer, _ options: [String], input: String = "NOOP one\nQUIT\n", commands: Bool = false
  ) async throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments =
      ["-s", "KILL", "30", "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-servername", "localhost"]
      + (commands ? [] : ["-ign_eof", "-nocommands"]) + options
    // For commands its input must stay open: at its end the program would leave.
    let keyboard = Pipe()
    try keyboard.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    if !commands { try keyboard.fileHandleForWriting.close() }
    process.standardInput = keyboard
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    let ended = AsyncStream<Void> { continuation in process.terminationHandler = { _ in continuation.finish() } }
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    for await _ in ended {}
    if commands { try keyboard.fileHandleForWriting.close() }
    return String(decoding: text, as: UTF8.self)
  }
}
