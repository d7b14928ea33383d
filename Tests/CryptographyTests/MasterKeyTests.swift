import Cryptography
import Foundation
import Testing

@Suite struct MasterKeyTests {
  @Test func wrapsAndUnwraps() throws {
    try withDirectory { directory in
      let file = directory + "/master"
      try MasterKey.create(file: file)
      let master = try MasterKey.load(file: file)
      let key = Random.bytes(32)
      let wrapped = master.wrap(key, context: [1, 2])
      #expect(try master.unwrap(wrapped, context: [1, 2]) == key)
      #expect(try MasterKey.load(file: file).unwrap(wrapped, context: [1, 2]) == key)
      #expect(master.wrap(key, context: [1, 2]) != wrapped)
      #expect(throws: CryptographyFailure.self) { try master.unwrap(wrapped, context: [1]) }
      for index in wrapped.indices {
        var altered = wrapped
        altered[index] ^= 1
        #expect(throws: CryptographyFailure.self) { try master.unwrap(altered, context: [1, 2]) }
        #expect(throws: CryptographyFailure.self) { try master.unwrap(Array(wrapped[..<index]), context: [1, 2]) }
      }
    }
  }

  @Test func aRotatedFileOpensWhatTheOldOneWrapped() throws {
    try withDirectory { directory in
      let file = directory + "/master"
      try MasterKey.create(file: file)
      let old = try MasterKey.load(file: file)
      let wrapped = old.wrap([7], context: [])
      try MasterKey.rotate(file: file)
      let new = try MasterKey.load(file: file)
      #expect(try new.unwrap(wrapped, context: []) == [7])
      let failure = try #require(throws: CryptographyFailure.self) {
        try old.unwrap(new.wrap([7], context: []), context: [])
      }
      #expect(failure.kind == .unknownKey)
    }
  }

  @Test func createNeverReplaces() throws {
    try withDirectory { directory in
      let file = directory + "/master"
      try MasterKey.create(file: file)
      let before = try String(contentsOfFile: file, encoding: .utf8)
      #expect(throws: CryptographyFailure.self) { try MasterKey.create(file: file) }
      #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["master"])
    }
  }

  @Test(arguments: [0o644, 0o640, 0o604, 0o666, 0o620])
  func refusesAFileThatOthersCanRead(mode: Int) throws {
    try withDirectory { directory in
      let file = directory + "/master"
      try MasterKey.create(file: file)
      chmod(file, mode_t(mode))
      // A group may read root's file.
      guard !(mode == 0o640 && geteuid() == 0) else { return _ = try MasterKey.load(file: file) }
      let failure = try #require(throws: CryptographyFailure.self) { try MasterKey.load(file: file) }
      #expect(failure.kind == .file)
      #expect(failure.reason.contains("chmod 600 \(file)"))
    }
  }

  @Test(arguments: [
    ("", "holds no key"), ("# nothing\n\n", "holds no key"), ("a:12\n", "line 1"), ("nocolon\n", "line 1"),
    ("# fine\n:\(String(repeating: "0", count: 64))\n", "line 2"),
    ("a:\(String(repeating: "g", count: 64))", "line 1"), ("a b:\(String(repeating: "0", count: 64))", "line 1"),
    ("a:\(String(repeating: "0", count: 64))\na:\(String(repeating: "1", count: 64))", "line 2"),
  ])
  func refusesWhatIsNoKey(text: String, expected: String) throws {
    try withDirectory { directory in
      let file = directory + "/master"
      #expect(
        FileManager.default.createFile(
          atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
      let failure = try #require(throws: CryptographyFailure.self) { try MasterKey.load(file: file) }
      #expect(failure.reason.contains(expected))
      #expect(!failure.reason.contains("000000"))
    }
  }

  @Test func saysWhatIsMissing() throws {
    let failure = try #require(throws: CryptographyFailure.self) { try MasterKey.load(file: "/nowhere/master") }
    #expect(failure.reason == "cannot read /nowhere/master: No such file or directory")
    #expect(throws: CryptographyFailure.self) { try MasterKey.load(file: "/") }
  }
}

/// Calls `body` with a directory of its own and removes it.
func withDirectory(_ body: (String) throws -> Void) throws {
  let directory = NSTemporaryDirectory() + "postrider-" + hex(Random.bytes(8))
  try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: directory) }
  try body(directory)
}
