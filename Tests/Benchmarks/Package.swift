// swift-tools-version:6.2
import PackageDescription

// Micro-benchmarks, in a package of their own so that nobody who builds Postrider needs the harness.
// `scripts/bench micro` runs them; «swift package benchmark help» tells what else the harness can do.

/// Postrider's modules show each other what is `package`; here they do so to us. The compiler knows a package by the
/// name of its directory, mangled by these rules.
let directory = Context.packageDirectory.split(separator: "/").dropLast(2).last ?? ""
let mangled = directory.lowercased().map { ($0.isASCII && ($0.isLetter || $0.isNumber)) || $0 == "_" ? $0 : "_" }
let packageName = (mangled.first?.isNumber == true ? "_" : "") + String(mangled)

let package = Package(
  name: "postrider-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(path: "../.."),
    // Without its interposers, which count allocations: they are prebuilt programs.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .executableTarget(
      name: "Micro",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "PostriderModules", package: String(directory)),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "Benchmarks/Micro",
      // Or it would be called after our own directory.
      packageAccess: false,
      swiftSettings: [.unsafeFlags(["-package-name", packageName])],
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ]
)
