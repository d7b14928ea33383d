/// Every rule. The first firm one that holds decides, then the first vague one: what is precise stands before what is
/// general.
let allRules: [BounceRule] =
  mailboxRules + largeProviderRules + moreProviderRules + greylistRules + addressRules + tlsRules + authenticationRules
  + reputationRules
  + senderRules + looserAddressRules + rateRules + messageRules + languageRules + transportRules + policyRules
