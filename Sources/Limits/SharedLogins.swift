internal import MailModel
internal import Redis

/// Failed logins as all acceptors share them, in Redis: for each address and each account a set of digests of what was
/// tried, which goes when its span is over, and a key for each account and address that know each other.
struct SharedLogins: Sendable {
  let redis: RedisClient
  let rules: FailedLoginRules

  /// - Parameter isKnown: this process knows already that the account has logged in from the address.
  func take(_ step: LoginStep, _ trial: LoginTrial, isKnown: Bool) async throws(RedisError) -> LoginLock? {
    let pair = "\(trial.account)|\(trial.address)"
    var keys: [RedisArgument] = ["postrider:login:known:\(pair)"]
    var numbers: [RedisArgument] = []
    func add(_ name: String, _ rates: Rates) {
      for span in Rates.Span.allCases {
        guard let limit = rates[span] else { continue }
        keys.append("postrider:login:\(name):\(span.rawValue)")
        numbers += [RedisArgument(limit), RedisArgument(span.seconds * 1000)]
      }
    }
    add("address:\(trial.address)", rules.address)
    let ofAddress = keys.count - 1
    add("account:\(trial.account)", rules.account)
    let ofAccount = keys.count - 1 - ofAddress
    add("pair:\(pair)", rules.account)
    let knownFor = Int64(rules.knownFor / .milliseconds(1))
    let head: [RedisArgument] = [
      RedisArgument(step.rawValue), RedisArgument(bytes: trial.digest), RedisArgument(isKnown ? 1 : 0),
      RedisArgument(knownFor), RedisArgument(ofAddress), RedisArgument(ofAccount),
    ]
    let reply = try await redis.evaluate(Self.script, keys: keys, arguments: head + numbers)
    guard let answer = reply.elements?.compactMap(\.integer), answer.count == 2 else {
      throw .protocolViolation("a login was not answered as expected")
    }
    switch answer[0] {
    case 1: return .address(wait: .milliseconds(answer[1]))
    case 2: return .account(wait: .milliseconds(answer[1]))
    default: return nil
    }
  }

  /// Answers which limit is met (1 the address', 2 the account's, 0 none) and for how many milliseconds.
  private static let script = RedisScript(
    """
    local step, digest = ARGV[1], ARGV[2]
    local knownFor, ofAddress, ofAccount = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
    local known = ARGV[3] == '1' or redis.call('EXISTS', KEYS[1]) == 1
    local first, last = 2, 1 + ofAddress + ofAccount
    if known then first, last = last + 1, last + ofAccount end
    local full, wait = 0, 0
    for k = first, last do
      if redis.call('SCARD', KEYS[k]) >= tonumber(ARGV[3 + 2 * k]) then
        local left = redis.call('PTTL', KEYS[k])
        if left > wait then
          full, wait = 2, left
          if k <= 1 + ofAddress then full = 1 end
        end
      end
    end
    if full > 0 then return {full, wait} end
    if step == 'wrong' then
      for k = first, last do
        if redis.call('SADD', KEYS[k], digest) == 1 and redis.call('SCARD', KEYS[k]) == 1 then
          redis.call('PEXPIRE', KEYS[k], ARGV[4 + 2 * k])
        end
      end
    elseif step == 'right' and knownFor > 0 then
      redis.call('SET', KEYS[1], '', 'PX', knownFor)
    end
    return {0, 0}
    """)
}
