import Cryptography
import Foundation
import Testing

@Suite struct PasswordHashTests {
  @Test func rightAndWrong() throws {
    let hash = try PasswordHash.make(Array("correct horse".utf8))
    #expect(hash.hasPrefix("$7$B"))
    #expect(PasswordHash.verify(Array("correct horse".utf8), against: hash))
    #expect(!PasswordHash.verify(Array("correct horsf".utf8), against: hash))
    #expect(!PasswordHash.verify([], against: hash))
    #expect(try PasswordHash.make(Array("correct horse".utf8)) != hash)
  }

  /// Computed with another implementation of scrypt (Python's hashlib) and encoded by hand.
  @Test func knownVector() {
    let hash = "$7$CU..../....2Q9obwLhin8qvQl6sisAO/$.bP7HtD2HP.OKbRurZTdgkP/04.gFdcR2KR0sT1oqh9"
    #expect(PasswordHash.verify(Array("x".utf8), against: hash))
    #expect(!PasswordHash.verify(Array("y".utf8), against: hash))
  }

  /// Perl's crypt is another program over the same method: what we make, it verifies.
  @Test func anotherProgramVerifiesIt() throws {
    let hash = try PasswordHash.make(Array("päss wörd".utf8))
    let perl = Process()
    perl.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
    perl.arguments = ["-e", "print crypt($ARGV[0], $ARGV[1])", "päss wörd", hash]
    let output = Pipe()
    perl.standardOutput = output
    try perl.run()
    let found = output.fileHandleForReading.readDataToEndOfFile()
    perl.waitUntilExit()
    #expect(String(decoding: found, as: UTF8.self) == hash)
  }

  @Test func refusesWhatCryptWouldCutOff() throws {
    for password in [[], [0x61, 0, 0x62], [UInt8](repeating: 0x61, count: 512)] as [[UInt8]] {
      #expect(throws: CryptographyFailure.self) { try PasswordHash.make(password) }
    }
    let hash = try PasswordHash.make([0x61])
    #expect(!PasswordHash.verify([0x61, 0, 0x62], against: hash))
    let long = [UInt8](repeating: 0x61, count: 511)
    #expect(PasswordHash.verify(long, against: try PasswordHash.make(long)))
    #expect(!PasswordHash.verify(long + [0x61], against: try PasswordHash.make(long)))
  }

  @Test(arguments: ["", "*", "*0", "$7$", "$1$abcdefgh$", "plain", "$7$BU..../....x"])
  func verifiesNothingAgainstWhatIsNoHash(hash: String) {
    #expect(!PasswordHash.verify(Array("secret".utf8), against: hash))
    #expect(!PasswordHash.verify(Array(hash.utf8), against: hash))
  }

  @Test func theDecoyCostsTheSame() throws {
    let hash = try PasswordHash.make([0x61])
    // Method, N, r and p.
    #expect(PasswordHash.decoy.prefix(14) == hash.prefix(14))
  }
}
