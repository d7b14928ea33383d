// swift-tools-version:6.2
import PackageDescription

// Imports point downwards only: executables, roles, services, adapters, ground, C.
// `scripts/test` builds with `--explicit-target-dependency-import-check error`,
// so a module can import only what it names here.

// `scripts/test` sets WARNINGS_ARE_ERRORS: a newer compiler's new warnings stop us, not a user who only builds.
let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (Context.environment["WARNINGS_ARE_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

// `scripts/chaos --prove` builds without one of the promises, to see that their lack is noticed; nothing else may.
let unsafe: [SwiftSetting] = Context.environment["POSTRIDER_UNSAFE"].map { [.define("POSTRIDER_UNSAFE_\($0)")] } ?? []
let unsafeModules: Set = ["Acceptor", "DeliveryWorker", "MailQueue"]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// A Swift module of the product.
func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: resources,
    swiftSettings: settings + (unsafeModules.contains(name) ? unsafe : []))
}

/// The tests of one module (or of several that belong together).
func tests(
  _ name: String, _ dependencies: [Target.Dependency], excluding: [String] = [], resources: [Resource] = []
) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: excluding, resources: resources, swiftSettings: settings)
}

let c: [Target] = [
  .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
  .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
  .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
  .systemLibrary(name: "CIDN2", providers: [.apt(["libidn2-dev"])]),
  .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
  .target(name: "CProcess"),
]

// Ground: no sockets, no database, no clock of its own.
let ground: [Target] = [
  module("MailModel"),
  module("SMTPWire", ["MailModel"]),
  module("ProxyProtocol"),
  module("MailFormat", ["MailModel"]),
  module("BounceRules", ["MailModel"]),
  module("ReportReading", ["MailModel", "SMTPWire"]),
  module("RetryPolicy", ["BounceRules"]),
  module("Settings", ["MailModel", yams]),
  module("Observability", ["MailModel", logging]),
  module("NodeMetrics", [metrics]),
]

// Adapters: the only importers of C modules.
let adapters: [Target] = [
  module("Postgres", ["CPostgres", nioConcurrency]),
  module("Redis", ["CHiredis", nioCore, nioPosix, nioConcurrency]),
  module("Cryptography", ["COpenSSL", "CCrypt"]),
  module("TLS", ["COpenSSL", "Observability", nioCore, nioPosix, nioConcurrency, logging]),
  module("Supervision", ["CProcess"]),
  module("DNS", ["CUnbound", "CIDN2", nioConcurrency]),
]

let services: [Target] = [
  module("HTTPConnections", [nioCore, nioPosix, nioConcurrency]),
  module(
    "MailQueue",
    ["MailModel", "Postgres", "Cryptography", "NodeMetrics", metrics, nioCore, nioConcurrency, logging]),
  module("Authorship", ["MailModel", "SMTPWire", "DNS"]),
  module(
    "Limits",
    [
      "MailModel", "Redis", "Cryptography", "NodeMetrics", "Observability", metrics, nioCore, nioConcurrency, logging,
      lifecycle,
    ]),
  module(
    "Admission",
    [
      "MailModel", "MailQueue", "Authorship", "Limits", "Postgres", "Cryptography", "DKIM", "DNS", nioPosix,
      nioConcurrency,
      logging,
    ]),
  module("DomainRecords", ["Admission", "DKIM", "DNS"]),
  module("Routing", ["MailModel", "DNS", nioCore, nioConcurrency]),
  module("Blocklists", ["DNS", "NodeMetrics", nioConcurrency, logging, lifecycle]),
  module("WakeHints", ["MailQueue", "Redis", nioCore, nioConcurrency]),
  module("TicketKeys", ["Cryptography", "Redis", "TLS", "Observability", logging, lifecycle]),
  module("Notices", ["MailModel", "MailFormat", "BounceRules", mustache]),
  module("ReturnPaths", ["MailModel", "Cryptography"]),
  module("DKIM", ["MailFormat", "SMTPWire", "Cryptography"]),
  module(
    "NodeStatus",
    [
      "NodeMetrics", "MailQueue", "Observability", "Postgres", "Redis", "Cryptography", metrics, hummingbird, nioCore,
      nioPosix, nioConcurrency, logging, lifecycle,
    ]),
  module(
    "ContentScan",
    [
      "MailModel", "MailQueue", "Cryptography", "Observability", "NodeMetrics", httpClient, nioCore, nioPosix,
      nioHTTP1, nioConcurrency, logging,
    ]),
  module(
    "SMTPClient",
    ["MailModel", "SMTPWire", "TLS", "DNS", "Routing", nioCore, nioPosix, nioConcurrency, logging]),
]

let roles: [Target] = [
  module(
    "Acceptor",
    [
      "MailModel", "SMTPWire", "MailFormat", "ProxyProtocol", "MailQueue", "Authorship", "Admission", "Limits",
      "ContentScan", "DKIM", "TLS", "DNS", "Blocklists",
      "Cryptography",
      "Observability", "NodeMetrics", metrics, nioCore, nioPosix, nioConcurrency, logging, lifecycle,
    ]),
  module(
    "Discovery",
    [
      "HTTPConnections", "Cryptography", "DNS", "TLS", "Observability", "NodeMetrics", nioCore, nioPosix, nioHTTP1,
      nioConcurrency, logging, lifecycle,
    ]),
  module(
    "LoginPolicy",
    [
      "HTTPConnections", "Admission", "Limits", "Cryptography", "DNS", "Observability", nioCore, nioHTTP1, logging,
      lifecycle,
    ]),
  module(
    "DeliveryWorker",
    [
      "MailModel", "MailFormat", "MailQueue", "Routing", "ReturnPaths", "SMTPClient", "BounceRules", "RetryPolicy",
      "TLS", "DNS", "Redis", "Observability", "SMTPWire", "Postgres", "NodeMetrics", metrics, nioCore, nioPosix,
      nioConcurrency, logging, lifecycle,
    ]),
  module(
    "Inbound",
    [
      "MailModel", "MailQueue", "ReportReading", "ReturnPaths", "BounceRules", "Postgres", "Observability",
      "NodeMetrics", metrics, nioPosix, logging,
    ]),
  module(
    "Keeper",
    [
      "MailModel", "MailQueue", "MailFormat", "Notices", "BounceRules", "Postgres", "Redis", "Observability",
      "NodeMetrics", "Admission", "DomainRecords", "DNS", metrics, nioCore, nioConcurrency, logging, lifecycle,
    ]),
]

let executables: [Target] = [
  .executableTarget(
    name: "postrider",
    dependencies: [
      "MailModel", "Settings", "Observability", "Postgres", "Redis", "Cryptography", "TLS", "DNS", "MailQueue",
      "Admission", "Limits", "ContentScan", "Routing", "SMTPClient", "Acceptor", "DeliveryWorker", "Inbound",
      "Discovery", "LoginPolicy",
      "Keeper", "Supervision",
      "BounceRules", "ReturnPaths", "SMTPWire", "TicketKeys", "WakeHints", "NodeMetrics", "NodeStatus", "Notices",
      "MailFormat", "DKIM", "DomainRecords", "Blocklists", metrics, nioCore, nioPosix, logging, lifecycle, signals,
      argumentParser,
    ],
    swiftSettings: settings),
  .executableTarget(
    name: "postrider-lab",
    dependencies: [
      "MailModel", "SMTPWire", "TLS", "Observability", nioCore, nioPosix, nioConcurrency, logging, argumentParser, yams,
    ],
    swiftSettings: settings),
]

let testing: [Target] = [
  .target(
    name: "MailTesting",
    dependencies: ["MailModel", "Postgres", "Supervision", nioCore, nioPosix, nioConcurrency],
    path: "Tests/MailTesting",
    swiftSettings: settings),
  tests("SMTPWireTests", ["SMTPWire", "MailModel"], resources: [.copy("Dialogues")]),
  tests(
    "AcceptorTests",
    [
      "Acceptor", "Admission", "Authorship", "Blocklists", "ContentScan", "Cryptography", "DNS", "MailFormat",
      "MailModel", "MailQueue", "MailTesting", "Observability",
      "Postgres", "SMTPWire", "Supervision", "TLS", nioCore, nioPosix, nioConcurrency, logging, lifecycle,
    ], resources: [.copy("Clients")]),
  tests(
    "ContentScanTests",
    [
      "ContentScan", "MailModel", "MailQueue", "MailTesting", "NodeMetrics", "Supervision", nioCore, nioPosix,
      nioConcurrency, logging,
    ]),
  tests("ObservabilityTests", ["Observability", "MailModel", logging]),
  tests(
    "CommandTests",
    [
      "postrider", "Observability", "MailModel", "MailQueue", "Postgres", "Cryptography", "Supervision", "MailTesting",
      nioCore,
    ]),
  tests("NodeMetricsTests", ["NodeMetrics", metrics]),
  tests("NoticesTests", ["Notices", "BounceRules", "MailFormat", "MailModel"]),
  tests("ProxyProtocolTests", ["ProxyProtocol"]),
  tests("BounceRulesTests", ["BounceRules", "MailModel"], resources: [.copy("Replies")]),
  tests("ReportReadingTests", ["ReportReading", "MailModel"], resources: [.copy("Reports")]),
  tests("ReturnPathsTests", ["ReturnPaths", "MailModel", "Cryptography", "MailTesting"]),
  tests("DKIMTests", ["DKIM", "Cryptography", "MailTesting", "Supervision"]),
  tests("RetryPolicyTests", ["RetryPolicy", "BounceRules", "MailModel"]),
  tests("SettingsTests", ["Settings"], excluding: ["Refused"]),
  tests("SupervisorTests", ["Supervision", "MailTesting"]),
  tests("LabTests", ["MailTesting", "Supervision", "Cryptography", "postrider-lab"]),
  tests("DevTests", ["MailTesting", "Supervision", "postrider", "postrider-lab"]),
  tests("MailFormatTests", ["MailFormat", "MailModel"]),
  tests(
    "DiscoveryTests",
    [
      "Discovery", "Cryptography", "DNS", "MailTesting", "NodeMetrics", "Supervision", "TLS", nioCore, nioPosix,
      logging,
    ]),
  tests(
    "LoginPolicyTests",
    [
      "LoginPolicy", "Limits", "MailModel", "Cryptography", "MailTesting", "Redis", "Supervision", nioCore, nioPosix,
      logging,
    ]),
  tests("AuthorshipTests", ["Authorship", "MailModel"]),
  tests("TLSTests", ["TLS", "Cryptography", "MailTesting", nioCore, nioPosix, nioEmbedded, nioConcurrency, logging]),
  tests("RedisTests", ["Redis", "MailTesting", nioCore, nioPosix, nioConcurrency]),
  tests("WakeHintsTests", ["WakeHints", "MailQueue", "MailModel", "Redis", "MailTesting", nioCore, nioPosix]),
  tests(
    "TicketKeysTests",
    ["TicketKeys", "Cryptography", "Redis", "TLS", "MailTesting", nioCore, nioPosix, nioConcurrency, logging]),
  tests("DomainRecordsTests", ["DomainRecords", "Admission", "DKIM", "Cryptography", "DNS"]),
  tests(
    "LimitsTests",
    ["Limits", "MailModel", "Redis", "Cryptography", "MailTesting", nioPosix, nioConcurrency, logging]),
  tests("CryptographyTests", ["Cryptography"]),
  tests("SystemTests", ["MailModel", "MailTesting", "Supervision", "Postgres", "Cryptography"]),
  tests(
    "DeliveryWorkerTests",
    ["DeliveryWorker", "MailQueue", "MailModel", "RetryPolicy", "Redis", "MailTesting", nioPosix, logging]),
  tests(
    "AdmissionTests",
    [
      "Admission", "Authorship", "Limits", "MailModel", "Cryptography", "DKIM", "MailQueue", "Postgres", "MailTesting",
      nioConcurrency,
    ]),
  tests(
    "MailQueueTests",
    ["MailQueue", "MailModel", "Postgres", "Cryptography", "MailTesting", "Supervision", nioCore, nioConcurrency]),
  tests("DNSTests", ["DNS", "Routing", "MailModel", "MailTesting", nioConcurrency]),
  tests("BlocklistsTests", ["Blocklists", "DNS", "NodeMetrics", "MailTesting", metrics, logging]),
  tests("RoutingTests", ["DNS", "Routing", "MailModel", nioConcurrency]),
  tests(
    "SMTPClientTests",
    [
      "MailModel", "SMTPWire", "SMTPClient", "TLS", "DNS", "Routing", "Cryptography", nioCore, nioPosix, nioConcurrency,
      logging,
    ], resources: [.copy("Dialogues")]),
]

let package = Package(
  name: "postrider",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "postrider", targets: ["postrider"]),
    .executable(name: "postrider-lab", targets: ["postrider-lab"]),
    // `getBounceInfo`, for other programs.
    .library(name: "BounceRules", targets: ["BounceRules", "MailModel"]),
    // For Tests/Benchmarks, which is a package of its own.
    .library(
      name: "PostriderModules",
      targets: [
        "MailModel", "SMTPWire", "MailFormat", "BounceRules", "Postgres", "Cryptography", "DKIM", "MailQueue", "Redis",
        "Limits",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: c + ground + adapters + services + roles + executables + testing
)
