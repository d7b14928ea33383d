import Benchmark
import Cryptography
import DKIM
import Foundation

/// What signing costs beside the signatures themselves.
func signingBenchmarks() {
  guard let rsa = try? SigningKey.generate(.rsa), let ed25519 = try? SigningKey.generate(.ed25519),
    let pair = try? [
      DomainKey(domain: "example.com", selector: "p20261121-rsa", key: rsa),
      DomainKey(domain: "example.com", selector: "p20261121-ed", key: ed25519),
    ]
  else { return }
  let message = Samples.message(size: 10_240)
  let digest = SHA256.digest(message)
  let bare = { @Sendable in
    for key in pair { blackHole(try key.key.sign(digest: digest)) }
  }
  let whole = { @Sendable in
    blackHole(try SigningSample.sign(message, by: pair))
  }
  Benchmark("the bare signatures, RSA of 2048 bits and Ed25519") { _ in try bare() }
  Benchmark("sign a message of \(message.count) bytes with both") { _ in try whole() }
  Benchmark("hash a body of 10 KB in its relaxed form") { _ in blackHole(SigningSample.hash(message[...])) }

  // Two medians of two times are no ratio: taken in turns, so that both meet the same machine.
  Benchmark(
    "in turns 100 times: the bare signatures, a whole message",
    configuration: .init(metrics: [.wallClock, .throughput, .custom(SigningSample.ratio)], maxDuration: .seconds(3))
  ) { benchmark in
    let (first, second) = (try SigningSample.time(100, bare), try SigningSample.time(100, whole))
    benchmark.measurement(.custom(SigningSample.ratio), Int(second / first * 100))
  }
}

/// As an acceptor does it: the body comes in pieces.
enum SigningSample {
  static let ratio = "percent of the bare signatures' CPU"

  static func sign(_ message: [UInt8], by keys: [DomainKey]) throws -> [UInt8] {
    let header = try SigningHeader(message)
    blackHole(header.authorDomain)
    return try header.signatureFields(
      bodyHash: hash(message[header.size...]), keys: keys, time: 1_795_000_000)
  }

  static func hash(_ body: ArraySlice<UInt8>) -> [UInt8] {
    var hasher = BodyHasher()
    body.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: 4096) {
        hasher.update(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 4096, bytes.count)]))
      }
    }
    return hasher.finish()
  }

  /// Seconds of this thread's CPU.
  static func time(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let begun = cpu()
    for _ in 0..<count { try body() }
    return cpu() - begun
  }

  private static func cpu() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}
