import MailModel
import Testing

@Suite struct RatesTests {
  @Test func ratesAreReadAndWritten() throws {
    let rates = try #require(Rates(" 5000/day,100/minute , 1000/hour"))
    #expect(rates[.minute] == 100 && rates[.hour] == 1000 && rates[.day] == 5000)
    #expect(rates.description == "100/minute, 1000/hour, 5000/day")
    #expect(Rates(rates.description) == rates)
    for none in ["", "unlimited", " "] { #expect(Rates(none)?.isUnlimited == true) }
    #expect(Rates().description == "unlimited")
  }

  @Test(arguments: [
    "100", "/hour", "100/", "100/second", "0/hour", "-1/hour", "+5/hour", "5/hour,", ",", "5/hour,6/hour", "1.5/hour",
    "1000000001/hour", "99999999999999999999/hour", "5/hour/day", "10/minute, 5/hour", "5/Hour", "٣/hour", "5 /hour",
    "unlimited, 5/hour", "5\u{0}/hour",
  ]) func anythingElseIsRefused(_ text: String) { #expect(Rates(text) == nil) }

  /// Whatever comes: nothing, or something that is read back as the same.
  @Test func anythingIsAnswered() {
    let pieces = ["1", "0", "99", "/", "hour", "day", "minute", ",", " ", "unlimited", "-", "é", "\u{0}", "9999999999"]
    var generator = SplitMix(state: 7)
    var understood = 0
    for round in 0..<20_000 {
      let text = (0..<Int(generator.next() % 9)).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }
        .joined()
      guard let rates = Rates(text) else { continue }
      understood += 1
      #expect(Rates(rates.description) == rates, "round \(round): \(text)")
    }
    #expect(understood > 100)
  }

  private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
      return value ^ value >> 31
    }
  }
}
