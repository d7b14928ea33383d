import DNS
import Routing
import Testing

@Suite struct AddressTests {
  @Test func text() {
    for text in ["1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "::ffff:1.2.3.4"] {
      #expect(IPAddress(text)?.description == text)
      #expect(IPAddress(text).flatMap { IPAddress(bytes: $0.bytes) } == IPAddress(text))
    }
    for bad in [
      "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "0x7f.1", "127.1", "fe80::1%eth0", "[::1]", "1.2.3.4 ", ":::",
    ] {
      #expect(IPAddress(bad) == nil, "\(bad)")
    }
    #expect(IPAddress(bytes: [1, 2, 3]) == nil)
  }

  @Test func blocks() {
    func contains(_ block: String, _ address: String) -> Bool? {
      CIDR(block).flatMap { block in IPAddress(address).map { block.contains($0) } }
    }
    #expect(contains("10.0.0.0/8", "10.255.0.1") == true)
    #expect(contains("10.0.0.0/8", "11.0.0.1") == false)
    #expect(contains("0.0.0.0/0", "8.8.8.8") == true)
    #expect(contains("0.0.0.0/0", "::1") == false)
    #expect(contains("::/0", "::1") == true)
    #expect(contains("2001:db8::/33", "2001:db8:8000::1") == false)
    #expect(contains("2001:db8::/65", "2001:db8::8000:0:0:0") == false)
    #expect(contains("2001:db8::/65", "2001:db8::7fff:0:0:0") == true)
    #expect(contains("1.2.3.4", "1.2.3.4") == true)
    #expect(contains("1.2.3.4", "1.2.3.5") == false)
    for bad in ["10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "/8", "10/8", "10.0.0.0/8/8", "10.0.0.0/+8"] {
      #expect(CIDR(bad) == nil, "\(bad)")
    }
  }

  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.1.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "100.100.100.200",
    "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:0:1:2:3:4:f5ff:fffe", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "3fff::1",
    "192.88.99.1", "5f00::1", "2001:2::1", "2001:10::1", "2001:20::1", "fd12::1",
  ])
  func refused(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(AddressPolicy().check(address) != nil)
    let alone = try #require(CIDR(address, prefixLength: address.family == .v4 ? 32 : 128))
    #expect(AddressPolicy(allowed: [alone]).check(address) == nil)
  }

  @Test(arguments: [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "223.255.255.1",
    "2a00:1450::1", "2606:4700::1", "64:ff9b::8.8.8.8", "2002:808:808::1",
  ])
  func dialled(_ text: String) throws {
    #expect(AddressPolicy().check(try #require(IPAddress(text))) == nil)
  }

  /// Allowing a network allows it in its mapped form too, and nothing else.
  @Test func allowed() throws {
    let policy = AddressPolicy(allowed: [try #require(CIDR("127.0.0.0/8"))])
    #expect(policy.check(try #require(IPAddress("127.9.9.9"))) == nil)
    #expect(policy.check(try #require(IPAddress("::ffff:127.0.0.1"))) == nil)
    #expect(policy.check(try #require(IPAddress("::ffff:10.0.0.1"))) != nil)
    #expect(policy.check(try #require(IPAddress("::1"))) != nil)
    #expect(policy.check(try #require(IPAddress("10.0.0.1"))) != nil)
  }
}
