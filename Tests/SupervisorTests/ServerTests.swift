import Foundation
import MailTesting
import Supervision
import Testing

@Suite("Private servers")
struct ServerTests {
  @Test("PostgreSQL starts, keeps what was committed through a kill, and makes databases")
  func postgres() async throws {
    let server = try await PostgresServer()
    try await server.query("CREATE TABLE t AS SELECT 42 AS n")
    try await server.kill()
    try await server.start()
    #expect(try await server.query("SELECT n FROM t") == "42")
    #expect(try await server.query("SHOW fsync") == "on")
    try await server.restart()
    #expect(try await server.query("SELECT n FROM t") == "42")
    try await server.stop()
  }

  @Test("each test database is its own")
  func databases() async throws {
    let (one, two) = (try await TestDatabase.make(), try await TestDatabase.make())
    try await one.query("CREATE TABLE t (n int)")
    #expect(one.name != two.name)
    #expect(try await two.query("SELECT count(*) FROM pg_tables WHERE tablename = 't'") == "0")
  }

  @Test("Redis asks for its password", arguments: [nil, "secret"])
  func redis(password: String?) async throws {
    let server = try await RedisServer(password: password)
    let answer = try await run("redis-cli", ["-u", server.url, "--no-auth-warning", "PING"])
    #expect(answer.output.contains("PONG"))
    let stranger = try await run("redis-cli", ["-p", "\(server.port)", "PING"])
    #expect(stranger.output.contains("PONG") == (password == nil))
    try await server.kill()
    try await server.start()
  }

  @Test("the name server answers from its zones")
  func nameServer() async throws {
    let server = try await NameServer(zones: [
      "inbox.example": "@ IN MX 10 mx\nmx IN A 127.0.0.2", "broken.example": "",
    ])
    let script = """
      import socket,struct,sys
      def ask(name):
          q=struct.pack('>HHHHHH',7,0x100,1,0,0,0)+b''.join(bytes([len(p)])+p.encode() for p in name.split('.'))+b'\\0'+struct.pack('>HH',15,1)
          s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(60); s.sendto(q,('127.0.0.1',\(server.port)))
          a=s.recv(4096); return '%d:%d' % (a[3]&15, a[7])
      print(ask('inbox.example'),ask('no.inbox.example'),ask('broken.example'),ask('else.example'))
      """
    #expect(try await run("python3", ["-c", script]).output == "0:1 3:0 2:0 5:0")
  }
}
