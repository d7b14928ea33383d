import Cryptography
import MailModel
import MailTesting
import Redis
import Testing

@testable import Limits

/// Failed logins, counted in a real Redis.
@Suite(.timeLimit(.minutes(10))) struct FailedLoginTests {
  /// One acceptor's view.
  private struct Door {
    let logins: FailedLogins
    let redis: RedisClient?

    init(
      _ server: RedisServer?, address: String = "5/hour", account: String = "10/hour",
      knownFor: Duration = .seconds(3600),
      master: MasterKey, share: Double = 0.5, timeout: Duration = .seconds(60)
    ) async throws {
      if let server { redis = try await .forLimits(server, timeout: timeout) } else { redis = nil }
      logins = FailedLogins(
        rules: FailedLoginRules(
          address: Rates(address) ?? Rates(), account: Rates(account) ?? Rates(), knownFor: knownFor),
        redis: redis, master: master, share: share, absence: .quiet)
    }

    enum Answer: Equatable { case right, wrong, lockedAddress, lockedAccount }

    /// A login as an acceptor does it; the password of every account is "right".
    func login(_ account: String, from address: String, _ password: String) async -> Answer {
      let trial = logins.trial(account: account, address: address, password: Array(password.utf8))
      if let lock = await logins.lock(on: trial) { return answer(lock) }
      let isRight = password == "right"
      if let lock = await logins.settle(trial, isRight: isRight) { return answer(lock) }
      return isRight ? .right : .wrong
    }

    private func answer(_ lock: LoginLock) -> Answer {
      if case .address = lock { .lockedAddress } else { .lockedAccount }
    }
  }

  private let master = Result { try MasterKey.temporary() }

  @Test func theSameWrongPasswordCountsOnceAndDifferentOnesCount() async throws {
    let server = try await RedisServer()
    let doors = [
      try await Door(server, master: try master.get()), try await Door(server, master: try master.get()),
    ]
    for round in 0..<50 { #expect(await doors[round % 2].login("bob", from: "192.0.2.1", "old") == .wrong) }
    for guess in 0..<4 { #expect(await doors[guess % 2].login("bob", from: "192.0.2.1", "guess \(guess)") == .wrong) }
    for door in doors {
      #expect(await door.login("bob", from: "192.0.2.1", "another") == .lockedAddress)
      #expect(await door.login("carol", from: "192.0.2.1", "right") == .lockedAddress, "a right one says nothing")
      #expect(await door.login("bob", from: "192.0.2.2", "right") == .right)
    }
  }

  @Test func aDistributedGuesserIsStoppedAndWhoeverIsKnownGoesOn() async throws {
    let server = try await RedisServer()
    let door = try await Door(server, master: try master.get())
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
    for guess in 0..<10 { #expect(await door.login("bob", from: "192.0.2.\(guess)", "guess \(guess)") == .wrong) }
    #expect(await door.login("bob", from: "192.0.2.77", "guess 77") == .lockedAccount)
    #expect(await door.login("bob", from: "192.0.2.78", "right") == .lockedAccount)
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
    #expect(await door.login("carol", from: "192.0.2.79", "right") == .right)
    // Where it is known too there is an end.
    for guess in 0..<10 { #expect(await door.login("bob", from: "198.51.100.7", "guess \(guess)") == .wrong) }
    #expect(await door.login("bob", from: "198.51.100.7", "guess 10") == .lockedAccount)
  }

  @Test func behindOneAddressWhoeverIsKnownGoesOnWhileAnotherGuesses() async throws {
    let server = try await RedisServer()
    let door = try await Door(server, master: try master.get())
    #expect(await door.login("bob", from: "192.0.2.1", "right") == .right)
    for guess in 0..<5 { #expect(await door.login("mallory\(guess)", from: "192.0.2.1", "x") == .wrong) }
    #expect(await door.login("alice", from: "192.0.2.1", "right") == .lockedAddress)
    #expect(await door.login("bob", from: "192.0.2.1", "right") == .right)
    #expect(await door.login("bob", from: "192.0.2.1", "mistyped") == .wrong)
    #expect(await door.login("bob", from: "192.0.2.1", "right") == .right)
  }

  @Test func ofGuessesAtTheSameTimeNoMoreAreAnsweredThanTheLimit() async throws {
    let server = try await RedisServer()
    var doors: [Door] = []
    for _ in 0..<3 { doors.append(try await Door(server, address: "30/hour", account: "", master: try master.get())) }
    let answers = await withTaskGroup(of: Door.Answer.self) { group in
      for guess in 0..<200 {
        group.addTask { [door = doors[guess % 3]] in
          let password = guess == 199 ? "right" : "guess \(guess)"
          return await door.login("account\(guess)", from: "192.0.2.1", password)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0 == .wrong } == 30)
    #expect(answers.count { $0 == .lockedAddress } >= 169)
  }

  @Test func nothingOfAPasswordIsInRedis() async throws {
    let server = try await RedisServer()
    let door = try await Door(server, master: try master.get())
    #expect(await door.login("bob", from: "192.0.2.1", "hunter2") == .wrong)
    let members = try await server.command("SMEMBERS", "postrider:login:address:192.0.2.1:hour")
    #expect(!members.isEmpty && !members.contains("hunter2"))
    let other = try await Door(server, master: try MasterKey.temporary())
    let trials = [door, other].map {
      $0.logins.trial(account: "bob", address: "192.0.2.1", password: Array("hunter2".utf8)).digest
    }
    #expect(trials[0] != trials[1], "it takes the master key to try passwords")
    for key in try await server.command("KEYS", "*").split(separator: "\n") {
      #expect((Int(try await server.command("PTTL", String(key))) ?? -1) > 0, "\(key) goes by itself")
    }
  }

  @Test func withoutRedisItIsTheSameWithTheShare() async throws {
    let door = try await Door(nil, address: "10/hour", account: "20/hour", master: try master.get())
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
    for _ in 0..<20 { #expect(await door.login("carol", from: "192.0.2.1", "old") == .wrong) }
    for guess in 0..<4 { #expect(await door.login("carol", from: "192.0.2.1", "guess \(guess)") == .wrong) }
    #expect(await door.login("carol", from: "192.0.2.1", "right") == .lockedAddress)
    for guess in 0..<10 { #expect(await door.login("bob", from: "203.0.113.\(guess)", "guess \(guess)") == .wrong) }
    #expect(await door.login("bob", from: "203.0.113.99", "right") == .lockedAccount)
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
  }

  @Test func whoLoggedInIsKnownWhenRedisHasDiedAndWhenItHasForgotten() async throws {
    let server = try await RedisServer()
    let door = try await Door(server, account: "4/hour", master: try master.get())
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
    try await server.command("FLUSHALL")
    for guess in 0..<4 { #expect(await door.login("bob", from: "192.0.2.\(guess)", "guess \(guess)") == .wrong) }
    #expect(await door.login("bob", from: "192.0.2.9", "right") == .lockedAccount)
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
    try await server.kill()
    try await eventually("half of the limit is this acceptor's own") {
      await door.login("bob", from: "192.0.2.\(Int.random(in: 50...250))", "guess \(Int.random(in: 0...1_000_000))")
        == .lockedAccount
    }
    #expect(await door.login("bob", from: "198.51.100.7", "right") == .right)
  }
}
