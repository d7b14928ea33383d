import MailTesting
import Supervision
import Testing

/// Limits across real acceptors, as a client meets them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LimitSystemTests {
  private static func settings(_ redis: RedisServer, _ limits: String) -> String {
    "redis: {url: \"\(redis.url)\"}\nlimits: {\(limits)}\n"
  }

  /// Sends one small message over each of some connections at a time, and counts the replies.
  private static let program = """
    from collections import Counter
    replies, guard = Counter(), threading.Lock()
    content = b"Subject: x\\r\\nFrom: " + user.encode() + b"\\r\\n\\r\\nx\\r\\n"
    def session(count):
        server = connect()
        for _ in range(count):
            code, reply = send(server, ["bob@inbox.example"], content)
            server.rset()
            with guard: replies[code] += 1
            last[0] = reply
        server.quit()
    last = [""]
    def load(connections, count):
        threads = [threading.Thread(target=session, args=(count,)) for _ in range(connections)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()

    """

  @Test func aLimitOf100AdmitsExactly100From50ConnectionsAtThreeAcceptors() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      settings: Self.settings(
        redis, "tenant: {messages: 100/hour}, credential: {recipients: 1000/hour}, redis_timeout: 10s"))
    var acceptors: [ProcessHarness] = []
    for _ in 0..<3 { acceptors.append(try await node.acceptor()) }
    let output = try await node.python(
      Self.program + """
        load(50, 4)
        say("replies", replies[250], replies[451], sum(replies.values()), last[0])
        """)
    #expect(
      output.contains("replies 100 100 200 4.7.1 Limit reached: 100 messages an hour for this tenant; try again in"))
    #expect(try await node.database.query("SELECT count(*) FROM postrider.message") == "100")

    // What is used can be read, and one tenant may be allowed more.
    let used = try await node.command(["limits", "first"]).output
    #expect(used.contains("tenant      first") && used.contains("100  100"), "\(used)")
    let set = try await node.command(["tenant", "limit", "set", "first", "tenant.messages=110/hour"])
    #expect(set.status.isSuccess && set.output.contains("110/hour"), "\(set.output)")
    let more = try await node.python(
      Self.program + """
        while replies[250] == 0: load(1, 1)
        load(5, 4)
        say("replies", replies[250])
        """)
    #expect(more.hasSuffix("replies 10"), "\(more)")
    _ = acceptors
  }

  @Test func withoutRedisThereIsTheShareAndALineAndTheWayBack() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(settings: Self.settings(redis, "tenant: {messages: 20/hour}, redis_timeout: 5s"))
    let acceptor = try await node.acceptor()
    let client = try node.startPython(
      Self.program + """
        for step in ["killed", "frozen", "thawed"]:
            load(4, 5)
            say("before", step, replies[250], replies[451], sum(replies.values()))
            wait_for(step)
        while last[0].find("queued") < 0: load(1, 1)
        say("after", replies[250])
        """)
    try await client.waitForLine(containing: "before killed 20 0 20")
    try await redis.kill()
    try node.signal("killed")
    // Half of the limit, as if nothing had been sent.
    try await client.waitForLine(containing: "before frozen 30 10 40")
    try await acceptor.waitForLine(containing: "limits are not shared for now")
    try await redis.start()
    await redis.freeze()
    try node.signal("frozen")
    try await client.waitForLine(containing: "before thawed 30 30 60")
    await redis.thaw()
    try node.signal("thawed")
    // It has come back empty.
    try await client.waitForLine(containing: "after 31")
    try await acceptor.waitForLine(containing: "limits are shared through Redis again")
  }

  @Test func whatIsNotQueuedIsGivenBack() async throws {
    let redis = try await RedisServer()
    let server = try await PostgresServer()
    let node = try await RunningNode(
      settings: Self.settings(redis, "tenant: {messages: 5/hour}, redis_timeout: 10s")
        + "smtp.commands_without_mail_max: 100000\n", server: server)
    let acceptor = try await node.acceptor()
    let client = try node.startPython(
      Self.program + """
        server = connect()
        def next():
            code, reply = send(server, ["bob@inbox.example"], content)
            if code == 250: return code
            return reply
        say("first", next())
        wait_for("stopped")
        for number in range(8): say("stopped", number, next())
        wait_for("started")
        answers = []
        while answers.count(250) < 4: answers.append(next())
        say("fifth", answers[-1], next())
        """)
    try await client.waitForLine(containing: "first 250")
    try await server.stop()
    try node.signal("stopped")
    for number in 0..<8 { try await client.waitForLine(containing: "stopped \(number) 4.3.0") }
    try await server.start()
    try node.signal("started")
    try await client.waitForLine(containing: "fifth 250 4.7.1 Limit reached: 5 messages an hour")
    _ = acceptor
  }

  @Test func sessionsAtOnceAreLimitedOverAllAcceptors() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      settings: Self.settings(redis, "sessions: {credential: 5, address: 20}, redis_timeout: 10s"))
    var acceptors: [ProcessHarness] = []
    for _ in 0..<3 { acceptors.append(try await node.acceptor()) }
    let output = try await node.python(
      """
      import socket
      sessions, sockets = [], []
      def attempt():
          server = smtplib.SMTP("localhost", \(node.startTLSPort), timeout=120)
          server.starttls(context=context)
          server.ehlo()
          try:
              server.user, server.password = user, password
              server.auth("PLAIN", server.auth_plain)
              sessions.append(server)
              return 235
          except smtplib.SMTPException as error:
              server.close()
              return error.smtp_code
      say("logins", [attempt() for _ in range(7)])
      for _ in range(2): sessions.pop().quit()
      while len(sessions) < 5: attempt()
      say("again", attempt())
      def ended():
          # Opens a connection; whether one of those that are open was told to go.
          sockets.append(socket.create_connection(("127.0.0.1", \(node.startTLSPort)), timeout=120))
          for one in sockets:
              one.setblocking(False)
              try:
                  if b"421 4.7.1 Limit reached: 20 sessions at once from your address" in one.recv(4096): return True
              except BlockingIOError: pass
          return False
      while not ended(): time.sleep(0.005)
      say("address")
      """)
    #expect(output.contains("logins [235, 235, 235, 235, 235, 421, 421]\nagain 421\naddress"), "\(output)")
    _ = acceptors
  }

  @Test func guessingEndsAtEveryAcceptorAndWhoIsKnownGoesOn() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      settings: Self.settings(redis, "failed_logins: {address: 4/hour, account: 3/hour}, redis_timeout: 10s"))
    let acceptors = [try await node.acceptor(), try await node.acceptor()]
    let output = try await node.python(
      """
      def login(account, password):
          server = smtplib.SMTP("localhost", \(node.startTLSPort), timeout=120)
          server.starttls(context=context)
          server.ehlo()
          try:
              server.user, server.password = account, password
              return server.auth("PLAIN", server.auth_plain)[0]
          except smtplib.SMTPException as error:
              return error.smtp_code
      for _ in range(8): say("same", login("nobody@sender.example", "old"))
      for number in range(2): say("other", login("nobody@sender.example", str(number)))
      say("account", login("nobody@sender.example", "right"))
      say("known", login(user, password))
      say("address", login("somebody@sender.example", "x"), login("another@sender.example", "x"))
      say("still", login(user, password), login(user, "mistyped"), login(user, password))
      """)
    #expect(output.split(separator: "\n").filter { $0 == "same 535" }.count == 8, "\(output)")
    #expect(
      output.contains("other 535\nother 535\naccount 454\nknown 235\naddress 535 421\nstill 235 535 235"), "\(output)")
    _ = acceptors
  }
}
