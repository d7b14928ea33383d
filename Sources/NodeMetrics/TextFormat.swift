// Prometheus's text exposition format, version 0.0.4.

extension String {
  mutating func appendSample(_ name: String, _ labels: String, _ value: String) {
    self += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
  }

  /// In a HELP line only backslash and line feed are special.
  var escapedHelp: String { escaped(quotes: false) }

  fileprivate func escaped(quotes: Bool) -> String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\"" where quotes: text += "\\\""
      // The format allows any other octet; terminals and web pages that show it need not.
      case _ where scalar.properties.generalCategory == .control: text += "?"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

/// `tenant="a",outcome="b"`, in the given order. Values are cut: what comes from outside may be long.
func shownLabels(_ dimensions: [(String, String)]) -> String {
  dimensions.map { "\($0.0)=\"\(String($0.1.prefix(255)).escaped(quotes: true))\"" }.joined(separator: ",")
}

extension Double {
  var exposed: String {
    if isNaN { return "NaN" }
    if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: self) { return "\(whole)" }
    return "\(self)"
  }
}
