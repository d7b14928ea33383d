/// Where Redis is and who we are there:
/// `redis://[[user]:password@]host[:port][/database]`, `redis+unix://[[user]:password@]/path[?db=database]` or
/// `redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master-name[/database][?sentinel_password=…]`, whose
/// hosts are Sentinels and whose login is the master's.
package struct RedisURL: Sendable, Equatable {
  package enum Endpoint: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)
    /// These know where the master is. Never empty.
    case sentinel([Endpoint], master: String)
    /// Any of these does. Never empty.
    case anyOf([Endpoint])
  }

  package let endpoint: Endpoint
  package let database: Int
  let login: Login?
  /// For the Sentinels themselves.
  let sentinelLogin: Login?

  struct Login: Sendable, Equatable {
    /// nil: the user `default`, as servers before Redis 6 know no other.
    let user: String?
    let password: String

    /// Of AUTH.
    var arguments: [RedisArgument] { (user.map { [RedisArgument($0)] } ?? []) + [RedisArgument(password)] }
  }

  /// The Sentinels themselves; nil when there are none.
  var sentinels: RedisURL? {
    guard case .sentinel(let servers, _) = endpoint else { return nil }
    return RedisURL(endpoint: .anyOf(servers), database: 0, login: sentinelLogin, sentinelLogin: nil)
  }

  private init(endpoint: Endpoint, database: Int, login: Login?, sentinelLogin: Login?) {
    self.endpoint = endpoint
    self.database = database
    self.login = login
    self.sentinelLogin = sentinelLogin
  }

  package init(_ text: String) throws(RedisURLFault) {
    guard let scheme = text.split(separator: "://", maxSplits: 1).first, text.utf8.count > scheme.utf8.count + 3 else {
      throw RedisURLFault("it must begin with redis://, redis+unix:// or redis+sentinel://")
    }
    let rest = text[text.index(scheme.endIndex, offsetBy: 3)...]
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let (login, host) = try Self.splitAuthority(rest[..<slash])
    self.login = login
    var sentinelLogin: Login?
    switch scheme {
    case "redis":
      endpoint = try Self.readHost(host)
      database = try Self.readDatabase(rest[slash...].dropFirst())
    case "redis+unix":
      let parts = rest[slash...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
      guard host.isEmpty, let path = percentDecoded(parts[0]), path.count > 1 else {
        throw RedisURLFault("redis+unix:// must be followed by an absolute path")
      }
      endpoint = .unix(path: path)
      guard parts.count == 1 || parts[1].hasPrefix("db=") else { throw RedisURLFault("after ? only db= is known") }
      database = try Self.readDatabase(parts.count == 1 ? "" : parts[1].dropFirst(3))
    case "redis+sentinel":
      let parts = rest[slash...].dropFirst().split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
      let path = parts.first?.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false) ?? []
      guard let master = path.first.flatMap(percentDecoded), !master.isEmpty else {
        throw RedisURLFault("behind the Sentinels it needs /master-name")
      }
      var sentinels: [Endpoint] = []
      for sentinel in host.split(separator: ",", omittingEmptySubsequences: false) {
        sentinels.append(try Self.readHost(sentinel, standardPort: "26379"))
      }
      endpoint = .sentinel(sentinels, master: master)
      database = try Self.readDatabase(path.count == 1 ? "" : path[1])
      if parts.count > 1 { sentinelLogin = try Self.readSentinelPassword(parts[1]) }
    case "rediss": throw RedisURLFault("rediss:// (TLS) is not supported, use redis:// or redis+unix://")
    default: throw RedisURLFault("it must begin with redis://, redis+unix:// or redis+sentinel://")
    }
    self.sentinelLogin = sentinelLogin
  }

  private static func readSentinelPassword(_ query: Substring) throws(RedisURLFault) -> Login {
    guard query.hasPrefix("sentinel_password="), let text = percentDecoded(query.drop { $0 != "=" }.dropFirst()) else {
      throw RedisURLFault("after ? only sentinel_password= is known")
    }
    guard !text.isEmpty else { throw RedisURLFault("the password is empty") }
    return Login(user: nil, password: text)
  }

  private static func splitAuthority(_ authority: Substring) throws(RedisURLFault) -> (Login?, Substring) {
    guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
    let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw RedisURLFault("before @ it needs user:password or :password") }
    guard let user = percentDecoded(parts[0]), let password = percentDecoded(parts[1]) else {
      throw RedisURLFault("a % in the user or password must be followed by two hexadecimal digits")
    }
    guard !password.isEmpty else { throw RedisURLFault("the password is empty") }
    return (Login(user: user.isEmpty ? nil : user, password: password), authority[authority.index(after: at)...])
  }

  private static func readHost(_ text: Substring, standardPort: Substring = "6379") throws(RedisURLFault) -> Endpoint {
    var (host, port) = (text, standardPort)
    if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
      (host, port) = (text[..<colon], text[text.index(after: colon)...])
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, !host.contains(where: { "[]".contains($0) }) else {
      throw RedisURLFault("the host is missing")
    }
    guard port.allSatisfy(\.isASCII), let number = UInt16(port), number > 0 else {
      throw RedisURLFault("the port must be from 1 to 65535")
    }
    return .tcp(host: String(host), port: Int(number))
  }

  private static func readDatabase(_ text: Substring) throws(RedisURLFault) -> Int {
    guard !text.isEmpty else { return 0 }
    guard let number = UInt16(text) else { throw RedisURLFault("the database must be a number") }
    return Int(number)
  }
}

/// Why a URL cannot be used. The reason repeats nothing of it, for it may hold a password.
package struct RedisURLFault: Error, Sendable, CustomStringConvertible {
  package let reason: String

  init(_ reason: String) { self.reason = reason }

  package var description: String { "the Redis URL cannot be used: \(reason)" }
}

/// Without its password.
extension RedisURL: CustomStringConvertible {
  package var description: String {
    let user = login.map { "\($0.user ?? "default")@" } ?? ""
    return switch endpoint {
    case .tcp, .anyOf: "redis://\(user)\(endpoint)/\(database)"
    case .unix: "redis+unix://\(user)\(endpoint)?db=\(database)"
    case .sentinel: "redis+sentinel://\(user)\(endpoint)/\(database)"
    }
  }
}

extension RedisURL.Endpoint: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tcp(let host, let port): "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    case .unix(let path): path
    case .anyOf(let servers): servers.map(\.description).joined(separator: ",")
    case .sentinel(let servers, let master): servers.map(\.description).joined(separator: ",") + "/" + master
    }
  }
}

/// RFC 3986 §2.1.
private func percentDecoded(_ text: Substring) -> String? {
  var bytes: [UInt8] = []
  var rest = text.utf8[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "%") else {
      bytes.append(byte)
      continue
    }
    guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else { return nil }
    bytes.append(high << 4 | low)
  }
  return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
