import Limits
import MailModel
import MailTesting
import Testing

@testable import Admission

/// What acceptors learn of a tenant's own limits, and from whom failed logins come.
@Suite struct TenantLimitTests {
  @Test func aChangeIsKnownTwoSecondsLaterInSessionsThatAreOpen() async throws {
    let fixture = try await AdmissionFixture()
    let authenticator = fixture.authenticator()
    let result = await authenticator.authenticate(
      username: "bob@example.com", password: Array("secret".utf8), clientAddress: "192.0.2.1")
    guard case .accepted(let principal) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(principal.terms == TenantTerms(ageDays: 0))
    let directory = try fixture.directory()
    try directory.setLimit(.tenantMessages, to: "5/hour", ofTenant: "acme")
    try directory.setLimit(.warmUp, to: "off", ofTenant: "acme")
    #expect(authenticator.rememberedTerms(of: principal) == TenantTerms(ageDays: 0))
    fixture.advance(by: .seconds(2))
    #expect(authenticator.rememberedTerms(of: principal) == nil)
    let terms = await authenticator.terms(of: principal)
    #expect(terms == TenantTerms(overrides: LimitOverrides(lines: "tenant.messages=5/hour\nwarm_up=off"), ageDays: 0))
    #expect(terms == (try directory.terms(ofTenant: "acme")))
    #expect(authenticator.rememberedTerms(of: principal) == terms)

    try directory.setLimit(.warmUp, to: nil, ofTenant: "acme")
    #expect(try directory.limits(ofTenant: "acme").limits == [TenantLimit(name: .tenantMessages, value: "5/hour")])
    try await fixture.database.query("UPDATE postrider.tenant SET created_at = created_at - interval '3 days 23 hours'")
    #expect(try directory.terms(ofTenant: "acme").ageDays == 3)
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "20010db800000000/64"), ("2001:db8::ffff:1", "20010db800000000/64"),
    ("2001:db8:0:1::1", "20010db800000001/64"), ("::ffff:192.0.2.1", "192.0.2.1"), ("unknown", "unknown"),
  ]) func oneClientIsOneAddressOrOneNetworkOfIPv6(_ address: String, _ client: String) {
    #expect(GuardedAuthenticator.client(address) == client)
  }
}
