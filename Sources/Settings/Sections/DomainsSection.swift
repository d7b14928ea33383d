/// Whether a domain has to be proven before it is sent as.
package enum DomainProofPolicy: String, Sendable, CaseIterable { case required, optional }

package struct DomainsSection: SettingSection {
  package let prefix = "domains"
  package let title = "Domains that tenants send from"

  package let proof = Setting(
    "domains.proof", .choice(DomainProofPolicy.self), default: .required,
    "`required`: nothing is sent as a domain before a TXT record has proven that it is its tenant's, or an operator has "
      + "said so. `optional`: only where all domains are the operator's own; records are looked up all the same.")
  package let checkInterval = Setting(
    "domains.check_interval", .duration(.seconds(60) ... .seconds(30 * 86400)), default: .seconds(86400),
    "How often the records of a proven domain are looked up. Of one that is not proven yet they are every minute at "
      + "first, then less and less often.")
  package let spfInclude = Setting(
    "domains.spf_include", .optional(.hostName), default: nil,
    "The name whose SPF record lists the addresses that workers send from. Domains are asked to include it; without it "
      + "nothing is said about whether their SPF records allow us.")
}
