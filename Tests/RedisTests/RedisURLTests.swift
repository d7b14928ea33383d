import Testing

@testable import Redis

@Suite("Redis URLs")
struct RedisURLTests {
  @Test(
    "what is read, shown without its password",
    arguments: [
      ("redis://localhost", "redis://localhost:6379/0"),
      ("redis://localhost/", "redis://localhost:6379/0"),
      ("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
      ("redis://[::1]/1", "redis://[::1]:6379/1"),
      ("redis://[::1]:7000", "redis://[::1]:7000/0"),
      ("redis://:secret@host", "redis://default@host:6379/0"),
      ("redis://mail:s%40cr:et@host:1/2", "redis://mail@host:1/2"),
      ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock?db=0"),
      ("redis+unix://mail:pw@/run/redis.sock?db=4", "redis+unix://mail@/run/redis.sock?db=4"),
      ("redis+sentinel://a/mail", "redis+sentinel://a:26379/mail/0"),
      ("redis+sentinel://:pw@a:1,[::1]:2,c/mail/3", "redis+sentinel://default@a:1,[::1]:2,c:26379/mail/3"),
      ("redis+sentinel://a/mail/3?sentinel_password=pw", "redis+sentinel://a:26379/mail/3"),
    ])
  func read(text: String, shown: String) throws {
    let url = try RedisURL(text)
    #expect(url.description == shown)
    #expect(!url.description.contains("pw"))
  }

  @Test("the login is decoded")
  func login() throws {
    #expect(try RedisURL("redis://mail:s%40c%2Fr:et@host").login == .init(user: "mail", password: "s@c/r:et"))
    #expect(try RedisURL("redis://:secret@host").login == .init(user: nil, password: "secret"))
    #expect(try RedisURL("redis://host").login == nil)
  }

  @Test(
    "what is refused, and why",
    arguments: [
      ("", "begin with"), ("localhost:6379", "begin with"), ("http://host", "begin with"), ("redis://", "begin with"),
      ("rediss://host", "TLS"), ("redis:///0", "host"), ("redis://[::1", "host"), ("redis://host:0", "port"),
      ("redis://host:65536", "port"), ("redis://host:x", "port"), ("redis://host/x", "database"),
      ("redis://host/-1", "database"), ("redis://user@host", "user:password"), ("redis://user:@host", "empty"),
      ("redis://u:%zz@host", "%"), ("redis://u:%4@host", "%"), ("redis+unix://run/redis.sock", "path"),
      ("redis+sentinel://a", "master-name"), ("redis+sentinel://a//1", "master-name"),
      ("redis+sentinel://a,/mail", "host"), ("redis+sentinel:///mail", "host"),
      ("redis+sentinel://a/mail/x", "database"), ("redis+sentinel://a/mail?x=1", "sentinel_password"),
      ("redis+sentinel://a/mail?sentinel_password=", "empty"), ("redis+unix:///", "path"),
      ("redis+unix:///s?x=1", "db="),
    ])
  func refused(text: String, reason: String) {
    let fault = #expect(throws: RedisURLFault.self) { try RedisURL(text) }
    #expect(fault?.reason.contains(reason) == true, "\(fault?.reason ?? "")")
  }
}
