internal import MailModel

extension SettingType where Value == Rates {
  /// In a file a list or one text, elsewhere text.
  static var rates: Self {
    let allowed =
      "rates like 100/minute, 1000/hour, 5000/day, no longer span with less than a shorter one; or unlimited"
    return Self(
      allowed: allowed, show: \.description,
      parse: { raw throws(BadValue) in
        let text: String
        switch raw {
        case .text(let given): text = given
        case .list(let items):
          var words: [String] = []
          for item in items { words.append(try word(item, allowed)) }
          text = words.joined(separator: ",")
        case .mapping: throw BadValue(why: "write \(allowed)")
        }
        guard let rates = Rates(text) else { throw BadValue(value: text, why: "write \(allowed)") }
        return rates
      })
  }

  private static func word(_ item: RawValue, _ allowed: String) throws(BadValue) -> String {
    guard case .text(let text) = item else { throw BadValue(why: "write \(allowed)") }
    return text
  }
}
