import Foundation
import Testing

@testable import Discovery

enum Fixture {
  static let service = MailService(
    name: "Mail & <more>",
    submission: [
      MailEndpoint(host: "smtp.node.example", port: 465, security: .implicitTLS),
      MailEndpoint(host: "smtp.node.example", port: 587, security: .startTLS),
    ], imap: MailEndpoint(host: "imap.node.example", port: 993, security: .implicitTLS),
    pop3: MailEndpoint(host: "pop.node.example", port: 995, security: .implicitTLS))

  static let sendingOnly = MailService(name: "send", submission: [service.submission[1]])

  static let services = MailServices(
    standard: service,
    byDomain: [
      "own.example": MailService(
        name: "Own", submission: [service.submission[1]],
        imap: MailEndpoint(host: "imap.own.example", port: 1993, security: .implicitTLS)),
      "send.example": sendingOnly,
    ], host: "discovery.node.example")
}

extension DiscoveryAnswer {
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// What is answered, by nothing but the settings.
@Suite struct AnswerTests {
  private let answers = Answers(Fixture.services)

  private func get(_ target: String, host: String? = "autoconfig.customer.example") -> DiscoveryAnswer {
    answers.answer(DiscoveryRequest(.get, target, host: host))
  }

  // MARK: Autoconfig

  @Test(arguments: [
    "/mail/config-v1.1.xml?emailaddress=alice%40customer.example", "/mail/config-v1.1.xml",
    "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=bob@customer.example",
    "/Mail/Config-v1.1.XML?EmailAddress=a%2Bb@CUSTOMER.example&x=y",
  ])
  func autoconfigNamesEveryServer(target: String) throws {
    let answer = get(target)
    #expect(answer.status == 200 && answer.type == "text/xml; charset=utf-8")
    let provider = try #require(try XMLReader.read(answer.body).first("emailProvider"))
    #expect(provider.first("domain")?.text == "customer.example")
    #expect(provider.first("displayName")?.text == "Mail & <more>")
    let servers = provider.children.filter { $0.name.hasSuffix("Server") }.map { server in
      ["hostname", "port", "socketType", "authentication", "username"].map { server.first($0)?.text ?? "" }
        .joined(separator: " ")
    }
    #expect(
      servers == [
        "imap.node.example 993 SSL password-cleartext %EMAILADDRESS%",
        "pop.node.example 995 SSL password-cleartext %EMAILADDRESS%",
        "smtp.node.example 465 SSL password-cleartext %EMAILADDRESS%",
        "smtp.node.example 587 STARTTLS password-cleartext %EMAILADDRESS%",
      ])
  }

  /// Nothing is to be learnt from an answer but the settings: of any name that could be one, it is the same.
  @Test func answersDoNotTellWhoExists() {
    let known = get("/mail/config-v1.1.xml?emailaddress=alice@customer.example", host: nil)
    for name in ["nobody", "root", "alice.b", "o'brien", "a+b", "ünï"] {
      #expect(get("/mail/config-v1.1.xml?emailaddress=\(name)@customer.example", host: nil) == known)
    }
    let other = get("/mail/config-v1.1.xml?emailaddress=alice@unheard-of.example", host: nil)
    #expect(other.text.replacing("unheard-of.example", with: "customer.example") == known.text)
  }

  @Test func aDomainMayHaveItsOwn() {
    let own = get("/mail/config-v1.1.xml?emailaddress=a@own.example")
    #expect(own.text.contains("imap.own.example") && own.text.contains("1993") && !own.text.contains("pop3"))
    #expect(!own.text.contains("465"))
    // The address counts, whichever host was asked: programs ask the host of a domain's MX, too.
    #expect(get("/mail/config-v1.1.xml?emailaddress=a@own.example", host: "autoconfig.node.example") == own)
    #expect(get("/mail/config-v1.1.xml", host: "own.example") == own)
    #expect(get("/mail/config-v1.1.xml?emailaddress=%25EMAILADDRESS%25", host: "autoconfig.own.example") == own)
  }

  @Test(arguments: [
    "alice", "alice@", "@a.example", "a@b", "a b@c.example", "a@b@c.example", "a..b@c.example", ".a@c.example",
    "a@-c.example",
    "a@c.example.", "a@[192.0.2.1]", "a@192.0.2.1", "\"a\"@c.example", "a@c_d.example", "a%00@c.example",
    "a%0A@c.example",
    "a%E2%80%AE@c.example", "a%C3%28@c.example", "%zz@c.example",
    String(repeating: "a", count: 65) + "@c.example",
    "a@" + String(repeating: "b.", count: 130) + "example",
  ])
  func whatIsNoAddressIsRefused(address: String) {
    for path in ["/mail/config-v1.1.xml", "/mail/account.mobileconfig"] {
      let answer = get("\(path)?emailaddress=\(address.replacing(" ", with: "%20"))", host: nil)
      #expect(answer.status == 400 && answer.kind == .refused, "\(answer.text)")
    }
  }

  @Test func withoutAddressTheHostSaysWhichDomain() {
    #expect(get("/mail/config-v1.1.xml", host: "autoconfig.b.example").text.contains("<domain>b.example</domain>"))
    for host in [nil, "discovery.node.example", "localhost", "192.0.2.1", "<x>.example", "autoconfig.example"]
      as [String?]
    {
      #expect(get("/mail/config-v1.1.xml", host: host).status == 400, "\(host ?? "none")")
    }
  }

  // MARK: Autodiscover

  private func request(_ address: String, accept: String = AutodiscoverRequest.answerNamespace) -> [UInt8] {
    Array(
      """
      <?xml version="1.0" encoding="utf-8"?>
      <Autodiscover xmlns="\(AutodiscoverRequest.namespace)">
        <Request>
          <EMailAddress>\(address)</EMailAddress>
          <AcceptableResponseSchema>\(accept)</AcceptableResponseSchema>
        </Request>
      </Autodiscover>
      """.utf8)
  }

  private func post(_ body: [UInt8], path: String = "/autodiscover/autodiscover.xml") -> DiscoveryAnswer {
    answers.answer(DiscoveryRequest(.post, path, host: "autodiscover.customer.example", body: body))
  }

  @Test(arguments: ["/autodiscover/autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"])
  func autodiscoverNamesEveryServer(path: String) throws {
    let answer = post(request("alice@customer.example"), path: path)
    #expect(answer.status == 200 && answer.kind == .autodiscover)
    let response = try #require(try XMLReader.read(answer.body).first("Response"))
    #expect(response.namespace == AutodiscoverRequest.answerNamespace)
    let account = try #require(response.first("Account"))
    #expect(account.first("AccountType")?.text == "email" && account.first("Action")?.text == "settings")
    let servers = account.children.filter { $0.name == "Protocol" }.map { server in
      ["Type", "Server", "Port", "LoginName", "SSL", "Encryption", "SPA", "AuthRequired"].map {
        server.first($0)?.text ?? ""
      }
      .joined(separator: " ")
    }
    #expect(
      servers == [
        "IMAP imap.node.example 993 alice@customer.example on SSL off on",
        "POP3 pop.node.example 995 alice@customer.example on SSL off on",
        "SMTP smtp.node.example 465 alice@customer.example on SSL off on",
        "SMTP smtp.node.example 587 alice@customer.example on TLS off on",
      ])
  }

  @Test func anAddressCannotBecomeMarkup() throws {
    let answer = post(request("a&amp;b'{|}@customer.example"))
    let logins = try XMLReader.read(answer.body).first("Response")?.first("Account")?.children.compactMap {
      $0.first("LoginName")?.text
    }
    #expect(Set(logins ?? []) == ["a&b'{|}@customer.example"])
    #expect(answer.text.contains("a&amp;b&#39;{|}@customer.example"))
  }

  @Test func badRequestsGetTheErrorsOfTheProtocol() throws {
    let bodies: [([UInt8], Int)] = [
      ([], 600), (Array("nonsense".utf8), 600), (request("no address"), 600), (request(""), 600),
      (Array("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>".utf8) + request("&x;@a.example"), 600),
      (
        request(
          "a@b.example", accept: "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"),
        601
      ),
    ]
    for (body, code) in bodies {
      let answer = post(body)
      #expect(answer.status == 200 && answer.kind == .refused)
      let error = try #require(try XMLReader.read(answer.body).first("Response")?.first("Error"))
      #expect(error.first("ErrorCode")?.text == "\(code)")
    }
  }

  @Test func askedWithoutARequestAutodiscoverPointsToItsOwnHost() {
    let answer = get("/autodiscover/autodiscover.xml", host: "autodiscover.customer.example")
    #expect(answer.status == 302)
    #expect(answer.fields["Location"] == "https://discovery.node.example/autodiscover/autodiscover.xml")
    // There it would point to itself.
    let there = get("/autodiscover/autodiscover.xml", host: "discovery.node.example")
    #expect(there.status == 405 && there.fields["Allow"] == "POST")
  }

  @Test(arguments: [
    "/autodiscover/autodiscover.json?Email=a@customer.example&Protocol=AutodiscoverV1",
    "/autodiscover/autodiscover.json/v1.0/a%40customer.example?Protocol=autodiscoverv1",
  ])
  func theJSONFormSaysWhereTheOtherOneIs(target: String) throws {
    let answer = get(target)
    let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: String]
    #expect(
      object == [
        "Protocol": "AutodiscoverV1", "Url": "https://discovery.node.example/autodiscover/autodiscover.xml",
      ])
    #expect(get("/autodiscover/autodiscover.json?Email=a@customer.example&Protocol=EWS").status == 400)
    #expect(get("/autodiscover/autodiscover.json/v1.0/nobody?Protocol=AutodiscoverV1").status == 400)
  }

  // MARK: Everything else

  @Test func nothingElseIsThere() {
    for target in ["/", "", "/mail", "/mail/config-v1.1.xml/", "/../etc/passwd", "/healthz", "/metrics"] {
      #expect(get(target).status == 404)
    }
    for method in [DiscoveryRequest.Method.post, .other] {
      let answer = answers.answer(DiscoveryRequest(method, "/mail/config-v1.1.xml"))
      #expect(answer.status == 405 && answer.fields["Allow"] == "GET, HEAD")
    }
  }

  @Test func aDomainThatOnlySendsHasNoProfile() {
    #expect(get("/mail/account.mobileconfig?emailaddress=a@send.example").status == 404)
  }
}
