internal import BounceRules
internal import MailFormat

struct Dutch: NoticeLanguage {
  let tag = "nl"
  let notTried = "Er kon nog geen poging worden gedaan."

  func expired(_ cause: String?) -> String {
    sentence(.expired, nil) + (cause.map { " Bij de laatste poging: \($0)" } ?? " Er kon geen poging worden gedaan.")
  }

  /// `20 november 2026 om 18.31 uur (UTC)`
  func date(_ unixSeconds: Int64) -> String {
    let names = [
      "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november",
      "december",
    ]
    let date = MailDate.parts(unixSeconds)
    return "\(date.day) \(names[date.month - 1]) \(date.year) om \(date.hour).\(twoDigits(date.minute)) uur (UTC)"
  }

  func source(_ kind: DeliveryReport.Kind) -> String {
    switch kind {
    case .failed: Self.failed
    case .delayed: Self.delayed
    case .delivered: Self.delivered
    case .relayed: Self.relayed
    }
  }

  private static let yourMessage = "Uw bericht{{#subject}} ‘{{subject}}’{{/subject}} van {{accepted}}"
  private static let theRecipients =
    "{{#several}}de onderstaande {{count}} ontvangers{{/several}}{{^several}}de onderstaande ontvanger{{/several}}"
  private static let reply = """
    {{#reply}}
        {{#server}}De mailserver {{server}} antwoordde:{{/server}}{{^server}}De mailserver antwoordde:{{/server}}
            {{reply}}
    {{/reply}}
    """
  private static let taken = """
    {{#server}}
        Aangenomen door {{server}} op {{last_attempt}}.
    {{/server}}
    """
  private static let signature = "-- Het mailsysteem op {{node}} (bericht {{id}})"

  private static let failed = """
    Subject: Niet bezorgd{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) kon niet worden bezorgd bij \(theRecipients). Er volgt geen nieuwe poging. Is het bericht nog van belang, verhelp dan de oorzaak en verstuur het opnieuw.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#often}}
        Er zijn {{attempts}} pogingen gedaan.
    {{/often}}
    \(reply)

    {{/recipients}}
    {{#whole}}
    Uw bericht is bij deze melding gevoegd.
    {{/whole}}
    {{^whole}}
    De kopregels van uw bericht zijn bij deze melding gevoegd.
    {{/whole}}

    \(signature)
    """

  private static let delayed = """
    Subject: Nog niet bezorgd{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) is nog niet aangekomen bij \(theRecipients). U hoeft niets te doen: tot {{until}} wordt het opnieuw geprobeerd. Lukt het ook dan niet, dan hoort u dat van ons.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#tried}}
        {{#often}}Tot nu toe zijn er {{attempts}} pogingen gedaan.{{/often}}{{^often}}Tot nu toe is er één poging gedaan.{{/often}}
    {{/tried}}
    \(reply)

    {{/recipients}}
    \(signature)
    """

  private static let delivered = """
    Subject: Bezorgd{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) is bezorgd bij de mailserver van \(theRecipients). Dat betekent nog niet dat het is gelezen.

    {{#recipients}}
    <{{address}}>
    \(taken)

    {{/recipients}}
    \(signature)
    """

  private static let relayed = """
    Subject: Doorgegeven{{#subject}}: {{subject}}{{/subject}}

    \(yourMessage) is voor \(theRecipients) doorgegeven aan de volgende mailserver. Die bevestigt de bezorging niet: gaat het verderop mis, dan hoort u dat te vernemen, maar een bericht van aankomst krijgt u niet.

    {{#recipients}}
    <{{address}}>
    \(taken)

    {{/recipients}}
    \(signature)
    """
}

extension Dutch {
  func sentence(_ category: BounceCategory, _ detail: BounceDetail?) -> String {
    if let detail, let text = sentence(detail, in: category) { return text }
    return switch category {
    case .userUnknown: "Dit adres bestaat niet bij de ontvangende partij."
    case .mailboxDisabled: "De mailbox bestaat wel, maar neemt geen berichten aan."
    case .mailboxFull: "De mailbox van de ontvanger is vol."
    case .blocklist:
      "De ontvangende mailserver weigert berichten van onze server vanwege zijn reputatie of een blokkadelijst."
    case .rateLimit: "De ontvangende mailserver neemt op dit moment maar een beperkt aantal berichten aan."
    case .greylist: "De ontvangende mailserver wil dat het bericht later nogmaals wordt aangeboden."
    case .spam: "De ontvangende mailserver zag het bericht aan voor spam."
    case .virus: "De ontvangende mailserver vond iets schadelijks in het bericht."
    case .content: "De ontvangende mailserver weigerde het bericht vanwege de inhoud."
    case .policy: "De ontvangende mailserver weigerde het bericht op grond van zijn eigen regels."
    case .auth:
      "De ontvangende mailserver kon niet vaststellen dat het bericht werkelijk van het domein van de afzender komt."
    case .tls: "Er kon geen beveiligde verbinding met de ontvangende mailserver tot stand komen."
    case .relay: "De benaderde mailserver neemt voor deze ontvanger geen berichten aan."
    case .sender: "De ontvangende mailserver accepteert het adres van de afzender niet."
    case .size: "Het bericht is groter dan de ontvangende mailserver toestaat."
    case .dns: "Het domein van het adres is niet te vinden of neemt geen e-mail aan."
    case .network: "De ontvangende mailserver was niet bereikbaar."
    case .protocol: "De twee mailservers begrepen elkaar niet."
    case .system: "De ontvangende mailserver heeft zelf een storing."
    case .expired: "Het bericht kon niet worden bezorgd binnen de tijd die daarvoor staat."
    case .other: "De ontvangende mailserver kon het bericht niet aannemen en maakte niet duidelijk waarom."
    }
  }

  private func sentence(_ detail: BounceDetail, in category: BounceCategory) -> String? {
    switch detail {
    case .addressListed: "Het adres van onze server staat op een blokkadelijst die de ontvangende mailserver gebruikt."
    case .domainListed: "Een domein in het bericht staat op een blokkadelijst die de ontvangende mailserver gebruikt."
    case .otherAddressListed:
      "Een adres waarlangs het bericht kwam, staat op een blokkadelijst die de ontvangende mailserver gebruikt."
    case .reputation: nil
    case .connectionRefused: "De ontvangende mailserver wilde geen verbinding met ons."
    case .spf: "Het domein van de afzender staat deze server niet toe namens dat domein te verzenden (SPF)."
    case .dkim: "De handtekening van het bericht (DKIM) ontbrak of was volgens de ontvangende mailserver niet geldig."
    case .dmarc: "Het bericht voldoet niet aan de regels die het domein van de afzender heeft gepubliceerd (DMARC)."
    case .arc:
      "De ontvangende mailserver kon niet nagaan langs welke servers het bericht is gekomen (ARC)."
    case .reverseDNS:
      "De ontvangende mailserver verlangt dat bij het adres van onze server een passende naam hoort (reverse DNS)."
    case .login:
      category == .auth ? "De server waarlangs deze post moet gaan, weigerde onze aanmelding." : nil
    case .moved: "De ontvanger heeft een ander adres gekregen."
    case .addressSyntax: "De ontvangende mailserver accepteert de schrijfwijze van het adres niet."
    case .restrictedRecipient: "De ontvanger neemt alleen berichten van bepaalde afzenders aan."
    case .domainUnknown: "Het domein van het adres bestaat niet; controleer of het goed is gespeld."
    case .nullMX: "Het domein van het adres neemt helemaal geen e-mail aan."
    case .noMailServer: "Het domein van het adres heeft geen mailserver."
    case .lookupFailed: "De mailservers van het domein konden niet worden opgezocht."
    case .forbiddenAddress:
      "De mailserver van het domein heeft een adres waar geen post naartoe mag, bijvoorbeeld een privéadres."
    case .connection: nil
    case .timeout: "De ontvangende mailserver antwoordde niet op tijd."
    case .mailLoop: "Het bericht zou in een kringetje rondgaan."
    case .recipients: "De ontvangende mailserver neemt minder ontvangers tegelijk aan."
    case .connections: "De ontvangende mailserver staat minder verbindingen tegelijk toe."
    case .volume: nil
    case .storage: "De ontvangende mailserver heeft geen opslagruimte meer."
    case .attachment: "De ontvangende mailserver accepteert een bijlage van het bericht niet."
    case .header: "De ontvangende mailserver accepteert de vorm van de kopregels van het bericht niet."
    case .link: "De ontvangende mailserver accepteert een link in het bericht niet."
    case .smtpUTF8:
      "Het bericht gebruikt internationale adressen (SMTPUTF8), en daar kan de ontvangende mailserver niet mee overweg."
    case .missingExtension:
      category == .size ? nil : "Het bericht heeft een vorm waar de ontvangende mailserver niet mee overweg kan."
    case .senderDomain: "De ontvangende mailserver kon het domein van de afzender niet vinden."
    case .local: "Het bericht kon door een storing aan onze kant niet worden verzonden."
    case .suppressed:
      "Er is niets verzonden: dit adres staat op de lijst van adressen waaraan deze maildienst niets stuurt."
    }
  }
}
