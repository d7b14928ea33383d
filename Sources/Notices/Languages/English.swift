internal import BounceRules
internal import MailFormat

struct English: NoticeLanguage {
  let tag = "en"
  let notTried = "No attempt could be made yet."

  func sentence(_ category: BounceCategory, _ detail: BounceDetail?) -> String {
    BounceInfo.sentence(category, detail)
  }

  func expired(_ cause: String?) -> String {
    BounceInfo.sentence(.expired, nil) + (cause.map { " At the last attempt: \($0)" } ?? " No attempt could be made.")
  }

  /// `20 November 2026, 18:31 UTC`
  func date(_ unixSeconds: Int64) -> String {
    let names = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
      "December",
    ]
    let date = MailDate.parts(unixSeconds)
    return "\(date.day) \(names[date.month - 1]) \(date.year), \(twoDigits(date.hour)):\(twoDigits(date.minute)) UTC"
  }

  func source(_ kind: DeliveryReport.Kind) -> String {
    switch kind {
    case .failed: Self.failed
    case .delayed: Self.delayed
    case .delivered: Self.delivered
    case .relayed: Self.relayed
    }
  }

  private static let yourMessage = "Your message{{#subject}} “{{subject}}”{{/subject}} of {{accepted}}"
  private static let theRecipients =
    "{{#several}}the {{count}} recipients{{/several}}{{^several}}the recipient{{/several}} below"

  private static let failed = """
    Subject: Not delivered{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) could not be delivered to \(theRecipients). It will not be tried again. If it still matters, please put right what is wrong and send it anew.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#often}}
        Tried {{attempts}} times.
    {{/often}}
    {{#reply}}
        {{#server}}The mail server {{server}} said:{{/server}}{{^server}}The mail server said:{{/server}}
            {{reply}}
    {{/reply}}

    {{/recipients}}
    {{#whole}}
    Your message comes back with this report.
    {{/whole}}
    {{^whole}}
    The header of your message comes back with this report.
    {{/whole}}

    -- The mail system at {{node}} (message {{id}})
    """

  private static let delayed = """
    Subject: Not delivered yet{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) has not reached \(theRecipients) yet. You need not do anything: it is tried again until {{until}}, and you will hear if that fails too.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#tried}}
        {{#often}}Tried {{attempts}} times so far.{{/often}}{{^often}}Tried once so far.{{/often}}
    {{/tried}}
    {{#reply}}
        {{#server}}The mail server {{server}} said:{{/server}}{{^server}}The mail server said:{{/server}}
            {{reply}}
    {{/reply}}

    {{/recipients}}
    -- The mail system at {{node}} (message {{id}})
    """

  private static let delivered = """
    Subject: Delivered{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) was delivered to the mail server of \(theRecipients). This does not mean that it has been read.

    {{#recipients}}
    <{{address}}>
    {{#server}}
        Taken by {{server}} on {{last_attempt}}.
    {{/server}}

    {{/recipients}}
    -- The mail system at {{node}} (message {{id}})
    """

  private static let relayed = """
    Subject: Handed on{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) was handed to the next mail server for \(theRecipients). That server does not confirm delivery: if it fails further on you should hear so, but you will not hear that it arrived.

    {{#recipients}}
    <{{address}}>
    {{#server}}
        Taken by {{server}} on {{last_attempt}}.
    {{/server}}

    {{/recipients}}
    -- The mail system at {{node}} (message {{id}})
    """
}

func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
