import Benchmark
import MailFormat
import MailModel

/// Header fields.
func contentBenchmarks() {
  let header = Samples.header
  let facts = ReceivedFacts(
    helo: "client.example.com", clientAddress: "192.0.2.1", nodeName: "node.example", protocolName: "ESMTPSA",
    queueID: Samples.id, sessionID: "s1", tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_256_GCM_SHA384",
    date: 1_795_199_438, forRecipient: "someone@example.org")
  Benchmark("\(calls) times: rewrite a header of \(header.count) bytes") { benchmark in
    for _ in 0..<calls {
      blackHole(try rewriteSubmissionHeader(header, received: facts, messageIDDomain: "node.example"))
    }
  }
}
