/// What Outlook and others send to `/autodiscover/autodiscover.xml` ([MS-OXDSCLI] §2.2.4).
struct AutodiscoverRequest: Hashable {
  static let namespace = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
  static let answerNamespace = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

  var address: AccountAddress

  /// - Throws: the error that [MS-OXDSCLI] §2.2.4.1.2 has for it.
  init(_ octets: [UInt8]) throws(AutodiscoverError) {
    let document: XMLElement
    do throws(XMLFault) {
      document = try XMLReader.read(octets)
    } catch {
      throw .invalidRequest
    }
    guard document.name == "Autodiscover", let request = document.first("Request"),
      request.namespace == Self.namespace
    else { throw .invalidRequest }
    // Others are for calendars and telephones.
    guard request.first("AcceptableResponseSchema").map({ trimmed($0.text) == Self.answerNamespace }) ?? true else {
      throw .noProvider
    }
    guard let address = request.first("EMailAddress").flatMap({ AccountAddress(trimmed($0.text)) }) else {
      throw .invalidRequest
    }
    self.address = address
  }
}

/// What goes wrong before there is an answer.
enum AutodiscoverError: Int, Error {
  case invalidRequest = 600
  case noProvider = 601

  var message: String {
    switch self {
    case .invalidRequest: "Invalid Request"
    case .noProvider: "Provider is not available"
    }
  }
}

private func trimmed(_ text: String) -> String {
  let tail = text.drop(while: \.isWhitespace)
  return String(tail.prefix(tail.count - tail.reversed().prefix(while: \.isWhitespace).count))
}
