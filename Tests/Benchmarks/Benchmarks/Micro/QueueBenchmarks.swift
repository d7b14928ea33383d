import Benchmark
import Cryptography
import Foundation
import MailModel
import MailQueue

/// What the queue does before PostgreSQL sees it.
func queueBenchmarks() {
  Benchmark("\(calls) times: make a queue id, text and back") { benchmark in
    for _ in 0..<calls {
      blackHole(QueueID(QueueID(unixMilliseconds: 1_700_000_000_000).description))
    }
  }

  let body = Samples.message(size: 10_240)
  Benchmark("seal a body of 10 KB") { benchmark in
    blackHole(BodyCipher(for: Samples.id).seal(body, chunk: 0, of: 1))
  }

  guard let master = try? MasterKey.temporary() else { return }
  let cipher = BodyCipher(for: Samples.id)
  let wrapped = cipher.wrappedKey(by: master)
  let stored = cipher.seal(body, chunk: 0, of: 1)
  Benchmark("open a body of 10 KB") { benchmark in
    blackHole(try BodyCipher(for: Samples.id, wrappedKey: wrapped, master: master).open(stored, chunk: 0, of: 1))
  }

  let messages = Samples.newMessages(64, size: 10_240, tenant: 1)
  let lanes = [LaneName(tenant: 1, destination: "inbox.example"): Int64(1)]
  let policy = EnqueuePolicy(master: master)
  Benchmark("build the transaction for 64 messages of 10 KB") { benchmark in
    blackHole(try EnqueueTransaction(messages, lanes: lanes, policy: policy).statements)
  }
}

extension MasterKey {
  /// A new one, whose file is gone again.
  static func temporary() throws -> MasterKey {
    let file = NSTemporaryDirectory() + "/benchmark-\(UUID().uuidString).key"
    defer { unlink(file) }
    try MasterKey.create(file: file)
    return try MasterKey.load(file: file)
  }
}
