import Cryptography
import DKIM
import Foundation
import MailTesting
import Supervision
import Testing

@Suite struct KeyTests {
  /// RFC 8463 appendix A: the key of the example, and what is published about it.
  @Test func theKeyOfTheRFC() throws {
    let seed = try #require(Data(base64Encoded: "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    let der =
      Data([0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]) + seed
    let key = try DomainKey(domain: "football.example.com", selector: "brisbane", key: SigningKey(bytes: Array(der)))
    #expect(key.record.name == "brisbane._domainkey.football.example.com")
    #expect(key.record.text == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    #expect(key.record.strings == [key.record.text])
  }

  @Test(arguments: SigningKey.Algorithm.allCases)
  func aKeyIsReadBack(_ algorithm: SigningKey.Algorithm) throws {
    let key = try SigningKey.generate(algorithm)
    let again = try SigningKey(bytes: key.privateBytes)
    #expect(again.publicBytes == key.publicBytes && again.algorithm == algorithm)
    // RSA with PKCS #1 v1.5 and Ed25519 are both deterministic.
    let digest = SHA256.digest([1, 2, 3])
    let (first, second) = (try key.sign(digest: digest), try again.sign(digest: digest))
    #expect(first == second)
  }

  /// Keys in the forms in which others make them.
  @Test(arguments: [
    "genpkey -algorithm ed25519", "genpkey -algorithm ed25519 -outform DER", "genrsa 2048", "genrsa -traditional 2048",
    "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -outform DER", "genrsa 3072",
  ])
  func keysOfOpenSSL(_ command: String) async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path("key")
    var words = command.split(separator: " ").map(String.init)
    words.insert(contentsOf: ["-out", file], at: 1)
    let made = try await run("openssl", words)
    #expect(made.status.isSuccess, "\(made.output)")
    let key = try DomainKey(domain: "sender.example", selector: "s", key: SigningKey(file: file))
    var hasher = BodyHasher()
    let header = Array(Signing.header.utf8) + [0x0D, 0x0A]
    let fields = try SigningHeader(header).signatureFields(bodyHash: hasher.finish(), keys: [key], time: 1_700_000_000)
    let found = try VerifiedSignature.verify([fields + header], records: [key.record.name: key.record.text])
    #expect(found.first?.count == 1 && found.first?.first?.isGood == true, "\(found)")
  }

  @Test(arguments: [
    ("genrsa 1024", "the RSA key has 1024 bits"), ("genpkey -algorithm ed448", "neither an RSA nor an Ed25519 key"),
    ("genrsa -aes128 -passout pass:secret 2048", "no private key without pass phrase"),
    ("rand 100", "no private key without pass phrase"),
  ])
  func keysThatAreRefused(_ command: String, _ reason: String) async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path("key")
    var words = command.split(separator: " ").map(String.init)
    words.insert(contentsOf: ["-out", file], at: 1)
    _ = try await run("openssl", words)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    do {
      _ = try DomainKey(domain: "sender.example", selector: "s", key: SigningKey(file: file))
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains(reason))
    }
  }

  @Test func theRecordOfALongKey() throws {
    let key = try DomainKey(domain: "sender.example", selector: "s", key: .generate(.rsa, bits: 4096))
    let record = key.record
    #expect(record.text.utf8.count > 510 && record.strings.joined() == record.text)
    #expect(record.strings.allSatisfy { $0.utf8.count <= 255 } && record.strings.count == 3)
    #expect(record.zoneLine.hasPrefix("s._domainkey.sender.example. IN TXT ( \"v=DKIM1; k=rsa; p="))
  }

  @Test func selectors() {
    for good in ["a", "2026", "a-b", "a.b", "s1"] { #expect(DomainKey.isSelector(good)) }
    for bad in ["", "-a", "a-", "A", "a..b", ".a", "a_b", "a;b", String(repeating: "a", count: 64)] {
      #expect(!DomainKey.isSelector(bad))
    }
  }
}
