import Foundation
import Settings
import Testing

private let packageDirectory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private func load(
  _ yaml: String? = nil, environment: [String: String] = [:], _ overrides: String...
) throws -> Settings {
  guard let yaml else { return try Settings.load(file: nil, environment: environment, overrides: overrides) }
  let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID()).yaml")
  try Data(yaml.utf8).write(to: file)
  defer { try? FileManager.default.removeItem(at: file) }
  return try Settings.load(file: file.path, environment: environment, overrides: overrides)
}

private func problems(_ yaml: String? = nil, environment: [String: String] = [:], _ overrides: String...) -> [String] {
  do {
    if let yaml { _ = try Settings.load(yaml: yaml, file: "f.yaml") }
    _ = try Settings.load(file: nil, environment: environment, overrides: overrides)
    return []
  } catch {
    return error.problems
  }
}

@Suite struct SettingsTests {
  @Test func defaultsHold() throws {
    let settings = try load()
    #expect(settings.smtp.messageSizeMax == 52_428_800)
    #expect(settings.retry.period == .seconds(432_000))
    #expect(settings.delivery.timeout.finalDot == .seconds(600))
    #expect(settings.smtp.implicitTLS.listen.map(\.description) == ["0.0.0.0:2465", "[::]:2465"])
    #expect(settings.smtp.certificateFile == nil)
    #expect(settings.smtp.hostname == settings.node.name)
    #expect(settings.origin(of: "smtp.hostname") == .standard)
  }

  @Test func everyDefaultIsAllowedAndEveryTextReadsBack() throws {
    let standard = try load()
    let overrides = standard.entries.map { "\($0.name)=\($0.value)" }
    let again = try Settings.load(file: nil, environment: [:], overrides: overrides)
    #expect(again.entries.map(\.value) == standard.entries.map(\.value))
  }

  @Test func flagBeatsEnvironmentBeatsFileBeatsDefault() throws {
    let yaml = "node: {name: file.example}\nlog:\n  level: error\n"
    let environment = ["POSTRIDER_NODE_NAME": "environment.example", "HOME": "/", "POSTRIDER_TEST_X": "y"]
    #expect(try load(yaml).node.name == "file.example")
    #expect(try load(yaml, environment: environment).node.name == "environment.example")
    let settings = try load(yaml, environment: environment, "node.name=first.example", "node.name=flag.example")
    #expect(settings.node.name == "flag.example")
    #expect(settings.smtp.hostname == "flag.example")
    #expect(settings.log.level == "error")
    #expect(settings.origin(of: "node.name") == .flag)
    #expect(settings.origin(of: "log.level").description.hasSuffix(".yaml:3"))
  }

  @Test func shardsAreShownWithoutPasswords() throws {
    let settings = try load(
      """
      database:
        shards:
          - {name: b, url: "postgresql://u:secret@one/x"}
          - {name: c-2, url: "host=two password=secret"}
      """)
    #expect(settings.database.shards.map(\.name) == ["b", "c-2"])
    #expect(settings.database.shards[0].url == "postgresql://u:secret@one/x")
    let shown = settings.entries.first { $0.name == "database.shards" }?.value
    #expect(
      shown == "[{name: \"b\", url: \"postgresql://u:***@one/x\"}, {name: \"c-2\", url: \"host=two password=***\"}]")
  }

  @Test func allKindsOfValues() throws {
    let settings = try load(
      """
      database: {url: "postgresql://u:p@db/x"}
      smtp:
        starttls: {listen: ["127.0.0.1:587", "[::1]:0"]}
        header_size_max: 65536
        message_size_max: 20MB
        received_client_address: show
      delivery.timeout.connect: 1500ms
      delivery:
        allow_networks: 127.0.0.0/8
        routes:
          - {domain: Partner.Example, host: gw.example, port: 2525}
          - domain: "*"
            host: 192.0.2.1
            tls: required
            user: me
            password_file: /x
      dns: {servers: ["127.0.0.1@5353", "2001:db8::1"], timeout: 1m30s}
      retry: {factor: 1.5}
      worker:
      """)
    #expect(settings.database.url == "postgresql://u:p@db/x")
    #expect(settings.smtp.startTLS.listen.map(\.description) == ["127.0.0.1:587", "[::1]:0"])
    #expect(settings.smtp.messageSizeMax == 20_971_520)
    #expect(settings.smtp.receivedClientAddress == .show)
    #expect(settings.delivery.timeout.connect == .milliseconds(1500))
    #expect(settings.delivery.allowNetworks == ["127.0.0.0/8"])
    #expect(
      settings.delivery.routes == [
        DeliveryRoute(domain: "partner.example", host: "gw.example", port: 2525),
        DeliveryRoute(domain: "*", host: "192.0.2.1", tls: .required, user: "me", passwordFile: "/x"),
      ])
    #expect(settings.dns.servers == ["127.0.0.1@5353", "2001:db8::1"])
    #expect(settings.dns.timeout == .seconds(90))
    #expect(settings.retry.factor == 1.5)
  }

  @Test func listsAndRoutesInOneLine() throws {
    let settings = try load(
      environment: ["POSTRIDER_DELIVERY_ALLOW_NETWORKS": "127.0.0.0/8, ::1"],
      "delivery.routes=[{domain: a.example, host: b.example}]", "smtp.starttls.listen=", "smtp.key_file=")
    #expect(settings.delivery.allowNetworks == ["127.0.0.0/8", "::1"])
    #expect(settings.delivery.routes == [DeliveryRoute(domain: "a.example", host: "b.example")])
    #expect(settings.smtp.startTLS.listen.isEmpty)
  }

  @Test func passwordsAreMasked() throws {
    let settings = try load(nil, "database.url=postgresql://me:s3cr@t@db/x?password=t0p", "redis.url=redis://:pw@h/0")
    #expect(
      !settings.entries.contains { $0.value.contains("s3cr") || $0.value.contains("t0p") || $0.value.contains(":pw") })
    #expect(settings.database.url.contains("s3cr"))
    #expect(redacted("host=db password='a b' user=u") == "host=db password=*** user=u")
    #expect(redacted("password=a&password=b") == "password=***&password=***")
    #expect(redacted("postgresql:///postrider") == "postgresql:///postrider")
    #expect(problems(nil, "database.url=mysql://me:s3cret@db").first?.contains("s3cret") == false)
  }

  @Test func messagesNameTheSource() {
    #expect(
      problems(environment: ["POSTRIDER_SMTP_HOSTNAM": "x"]) == [
        "environment: unknown variable \"POSTRIDER_SMTP_HOSTNAM\"; did you mean POSTRIDER_SMTP_HOSTNAME?"
      ])
    #expect(
      problems(environment: ["POSTRIDER_LOG_FORMAT": "xml"]) == [
        "POSTRIDER_LOG_FORMAT: log.format \"xml\" is not allowed: write text|json"
      ])
    #expect(problems(nil, "log.format") == ["--set \"log.format\": write key=value"])
    #expect(
      problems(nil, "hostname=x") == ["--set: unknown key \"hostname\"; did you mean delivery.hostname?"])
    #expect(
      problems(nil, "smtp.sessions_max=+5").first?.hasPrefix(
        "--set: smtp.sessions_max \"+5\" is not allowed: write a number")
        == true)
    #expect(
      (try? Settings.load(file: "/nonexistent/x.yaml", environment: [:], overrides: [])) == nil)
  }

  @Test func allProblemsComeAtOnce() {
    #expect(problems("smtp: {hostnam: x, threads: many}\nfoo: 1\n").count == 3)
  }

  /// The page is made from the table; `POSTRIDER_TEST_WRITE=1 swift test --filter SettingsTests` writes it anew.
  @Test func documentationIsCurrent() throws {
    let page = packageDirectory.appending(path: "docs/configuration.md")
    if ProcessInfo.processInfo.environment["POSTRIDER_TEST_WRITE"] != nil {
      try Data(Settings.documentation().utf8).write(to: page)
    }
    let committed = try String(contentsOf: page, encoding: .utf8)
    #expect(
      committed == Settings.documentation(),
      "docs/configuration.md is out of date: postrider config documentation > docs/configuration.md")
  }
}

@Suite struct RefusedConfigurationTests {
  static let files: [URL] =
    (try? FileManager.default.contentsOfDirectory(
      at: packageDirectory.appending(path: "Tests/SettingsTests/Refused"), includingPropertiesForKeys: nil))?
    .filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path } ?? []

  @Test func thereAreSome() { #expect(Self.files.count >= 25) }

  /// Each file's leading comment lines `# expects: …` are exactly the problems that it must give.
  @Test(arguments: files) func isRefused(file: URL) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    let expected = text.split(separator: "\n").prefix { $0.hasPrefix("# expects: ") }.map { String($0.dropFirst(11)) }
    #expect(!expected.isEmpty)
    let fault = #expect(throws: SettingsFault.self) { try Settings.load(yaml: text, file: file.lastPathComponent) }
    #expect(fault?.problems == expected)
  }
}

@Suite struct QuantityTests {
  @Test(arguments: [
    ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("4h", 14_400_000), ("5d", 432_000_000), ("1h30m", 5_400_000),
    ("0", 0), ("0s", 0), ("", nil), ("5", nil), ("s", nil), ("-5s", nil), ("5 s", nil), ("1.5s", nil),
    ("99999999999999999999d", nil), ("999999999999d", nil), ("5sx", nil),
  ])
  func durations(text: String, milliseconds: Int?) {
    #expect(DurationText.parse(text) == milliseconds.map { .milliseconds($0) })
  }

  @Test(arguments: [
    ("0", 0), ("262144", 262_144), ("256KB", 262_144), ("50MB", 52_428_800), ("2GB", 2_147_483_648), ("", nil),
    ("MB", nil), ("-1", nil), ("1.5MB", nil), ("50mb", nil), ("99999999999999GB", nil),
  ])
  func sizes(text: String, bytes: Int?) {
    #expect(ByteSize.parse(text) == bytes)
  }

  @Test func textsReadBack() {
    for value in [1, 999, 1000, 61_001, 86_400_000, 90_061_001] {
      #expect(DurationText.parse(DurationText.text(.milliseconds(value))) == .milliseconds(value))
    }
    for value in [0, 1, 1024, 1025, 52_428_800, 1 << 30] { #expect(ByteSize.parse(ByteSize.text(value)) == value) }
  }
}
