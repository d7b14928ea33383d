import Cryptography
import MailModel
import MailTesting
import ReturnPaths
import Testing

@Suite struct ReturnPathTests {
  private let directory: TemporaryDirectory
  private let file: String
  private let path = ReturnPath(message: QueueID(unixMilliseconds: 1_790_000_000_000), day: 20_718, recipient: 3)

  init() throws {
    directory = try TemporaryDirectory()
    file = directory.path("master.keys")
    try MasterKey.create(file: file)
  }

  private func keys() throws -> ReturnPathKeys { ReturnPathKeys(try MasterKey.load(file: file)) }

  @Test func whatWeMadeIsRead() throws {
    let keys = try keys()
    for recipient in [nil, 1, 3, 0xFF_FFFF] as [Int32?] {
      let path = ReturnPath(message: path.message, day: path.day, recipient: recipient)
      let address = try #require(keys.address(for: path, at: "returns.example"))
      #expect(address.localPart.utf8.count == 53)
      #expect(address.localPart.hasPrefix("b-\(path.message)-".lowercased()), "operators can read the id")
      #expect(keys.path(of: address) == path)
    }
  }

  @Test func caseAndQuotesDoNotMatter() throws {
    let keys = try keys()
    let address = try #require(keys.address(for: path, at: "returns.example"))
    for local in [address.localPart.uppercased(), "B" + address.localPart.dropFirst(), "\"\(address.localPart)\""] {
      #expect(keys.path(of: MailAddress(localPart: local, domain: "Returns.EXAMPLE")) == path)
    }
  }

  @Test func nothingElseIsOurs() throws {
    let keys = try keys()
    let address = try #require(keys.address(for: path, at: "returns.example"))
    // Each single character is covered by the code, and so is the host.
    let characters = Array(address.localPart)
    for index in characters.indices {
      var changed = characters
      changed[index] = changed[index] == "7" ? "5" : "7"
      #expect(keys.path(of: MailAddress(localPart: String(changed), domain: address.domain)) == nil, "place \(index)")
    }
    #expect(keys.path(of: MailAddress(localPart: address.localPart, domain: "other.example")) == nil)
    #expect(keys.path(of: MailAddress(localPart: String(address.localPart.dropLast()), domain: address.domain)) == nil)
    #expect(keys.path(of: MailAddress(localPart: address.localPart + "0", domain: address.domain)) == nil)
    for local in ["", "b", "b--", "postmaster", "b-x-y", "\"\"", "b-\(path.message)-ÄÖÜ"] {
      #expect(keys.path(of: MailAddress(localPart: local, domain: address.domain)) == nil)
    }
  }

  @Test func anotherInstallationsPathIsNotOurs() throws {
    let address = try #require(try keys().address(for: path, at: "returns.example"))
    let other = directory.path("other.keys")
    try MasterKey.create(file: other)
    let foreign = ReturnPathKeys(try MasterKey.load(file: other))
    #expect(foreign.path(of: address) == nil)
    #expect(ReturnPathKeys.hasForm(address))
  }

  @Test func rotatingTheMasterKeyKeepsWhatIsOnItsWay() throws {
    let before = try keys()
    let old = try #require(before.address(for: path, at: "returns.example"))
    try MasterKey.rotate(file: file)
    let after = try keys()
    let new = try #require(after.address(for: path, at: "returns.example"))
    #expect(new != old)
    #expect(after.path(of: old) == path && after.path(of: new) == path)
    #expect(before.path(of: new) == nil)
  }

  @Test func whatCannotBeWrittenIsNot() throws {
    let keys = try keys()
    #expect(keys.address(for: ReturnPath(message: path.message, day: 70_000, recipient: 1), at: "r.example") == nil)
    #expect(keys.address(for: ReturnPath(message: path.message, day: -1, recipient: 1), at: "r.example") == nil)
    #expect(keys.address(for: ReturnPath(message: path.message, day: 1, recipient: 1 << 24), at: "r.example") == nil)
  }
}
