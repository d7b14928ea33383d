import Cryptography
import Testing

@Suite struct VectorTests {
  @Test func sha256() {
    // FIPS 180-4, appendix.
    #expect(hex(SHA256.digest(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(hex(SHA256.digest([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func hmacSHA256() {
    // RFC 4231 §4.2, §4.3.
    let first = HMACSHA256.code(Array("Hi There".utf8), key: [UInt8](repeating: 0x0B, count: 20))
    #expect(hex(first) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    let second = HMACSHA256.code(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
    #expect(hex(second) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    #expect(HMACSHA256.equal(first, first))
    #expect(!HMACSHA256.equal(first, second))
    #expect(!HMACSHA256.equal(first, Array(first.dropLast())))
  }

  /// Test cases 13, 14 and 16 of «The Galois/Counter Mode of Operation» (McGrew, Viega).
  @Test func aes256GCM() throws {
    let zeros = [UInt8](repeating: 0, count: 32)
    let nonce = [UInt8](repeating: 0, count: 12)
    #expect(hex(AES256GCM.seal([], key: zeros, nonce: nonce)) == "530f8afbc74536b9a963b4f1c4cb738b")
    #expect(
      hex(AES256GCM.seal([UInt8](repeating: 0, count: 16), key: zeros, nonce: nonce))
        == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
    let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
    let plaintext = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
        + "b16aedf5aa0de657ba637b39")
    let context = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    let sealed = AES256GCM.seal(plaintext, key: key, nonce: bytes("cafebabefacedbaddecaf888"), authenticating: context)
    #expect(
      hex(sealed)
        == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
        + "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b")
    #expect(
      try AES256GCM.open(sealed, key: key, nonce: bytes("cafebabefacedbaddecaf888"), authenticating: context)
        == plaintext)
  }

  @Test func everyAlterationIsFound() throws {
    let key = Random.bytes(32)
    let nonce = Random.bytes(12)
    let sealed = AES256GCM.seal(Array("a body".utf8), key: key, nonce: nonce, authenticating: [1])
    for index in sealed.indices {
      var altered = sealed
      altered[index] ^= 0x10
      #expect(throws: CryptographyFailure.self) {
        try AES256GCM.open(altered, key: key, nonce: nonce, authenticating: [1])
      }
    }
    for count in 0..<sealed.count {
      #expect(throws: CryptographyFailure.self) {
        try AES256GCM.open(Array(sealed.prefix(count)), key: key, nonce: nonce, authenticating: [1])
      }
    }
    #expect(throws: CryptographyFailure.self) {
      try AES256GCM.open(sealed, key: key, nonce: nonce, authenticating: [2])
    }
  }

  @Test func randomBytesDiffer() {
    #expect(Random.bytes(0).isEmpty)
    #expect(Random.bytes(32).count == 32)
    #expect(Random.bytes(32) != Random.bytes(32))
    #expect(Random.password().count == 24)
    #expect(Random.password() != Random.password())
  }
}

func hex(_ bytes: [UInt8]) -> String {
  bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
}

func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
