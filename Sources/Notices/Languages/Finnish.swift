internal import BounceRules
internal import MailFormat

struct Finnish: NoticeLanguage {
  let tag = "fi"
  let notTried = "Toimitusta ei ole vielä voitu yrittää."

  func expired(_ cause: String?) -> String {
    sentence(.expired, nil)
      + (cause.map { " Viimeisellä yrityksellä: \($0)" } ?? " Toimitusta ei voitu yrittää kertaakaan.")
  }

  /// `20. marraskuuta 2026 klo 18.31 (UTC)`
  func date(_ unixSeconds: Int64) -> String {
    let names = [
      "tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä", "elo", "syys", "loka", "marras", "joulu",
    ]
    let date = MailDate.parts(unixSeconds)
    return
      "\(date.day). \(names[date.month - 1])kuuta \(date.year) klo \(date.hour).\(twoDigits(date.minute)) (UTC)"
  }

  func source(_ kind: DeliveryReport.Kind) -> String {
    switch kind {
    case .failed: Self.failed
    case .delayed: Self.delayed
    case .delivered: Self.delivered
    case .relayed: Self.relayed
    }
  }

  private static let reply = """
    {{#reply}}
        {{#server}}Palvelin {{server}} vastasi:{{/server}}{{^server}}Palvelin vastasi:{{/server}}
            {{reply}}
    {{/reply}}
    """
  private static let taken = """
    {{#server}}
        Vastaanottanut palvelin: {{server}}, {{last_attempt}}.
    {{/server}}
    """
  private static let signature = "-- Sähköpostijärjestelmä, {{node}} (viesti {{id}})"

  private static let failed = """
    Subject: Viestiä ei toimitettu{{#subject}}: {{subject}}{{/subject}}

    Viestiänne{{#subject}} ”{{subject}}”{{/subject}} ei voitu toimittaa {{#several}}alla oleville {{count}} vastaanottajalle{{/several}}{{^several}}alla olevalle vastaanottajalle{{/several}}. Viesti otettiin lähetettäväksi {{accepted}}. Toimitusta ei enää yritetä: jos viesti on yhä ajankohtainen, korjatkaa syy ja lähettäkää viesti uudelleen.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#often}}
        Toimitusta yritettiin {{attempts}} kertaa.
    {{/often}}
    \(reply)

    {{/recipients}}
    {{#whole}}
    Viestinne on tämän ilmoituksen liitteenä.
    {{/whole}}
    {{^whole}}
    Viestinne otsikkotiedot ovat tämän ilmoituksen liitteenä.
    {{/whole}}

    \(signature)
    """

  private static let delayed = """
    Subject: Viestin toimitus viivästyy{{#subject}}: {{subject}}{{/subject}}

    Viestiänne{{#subject}} ”{{subject}}”{{/subject}} ei ole vielä saatu toimitettua {{#several}}alla oleville {{count}} vastaanottajalle{{/several}}{{^several}}alla olevalle vastaanottajalle{{/several}}. Viesti otettiin lähetettäväksi {{accepted}}. Teidän ei tarvitse tehdä mitään: toimitusta yritetään uudelleen {{until}} asti. Jos sekään ei onnistu, saatte siitä ilmoituksen.

    {{#recipients}}
    <{{address}}>
        {{explanation}}
    {{#tried}}
        {{#often}}Toimitusta on tähän mennessä yritetty {{attempts}} kertaa.{{/often}}{{^often}}Toimitusta on tähän mennessä yritetty kerran.{{/often}}
    {{/tried}}
    \(reply)

    {{/recipients}}
    \(signature)
    """

  private static let delivered = """
    Subject: Viesti toimitettu{{#subject}}: {{subject}}{{/subject}}

    Viestinne{{#subject}} ”{{subject}}”{{/subject}} on toimitettu {{#several}}alla olevien {{count}} vastaanottajan{{/several}}{{^several}}alla olevan vastaanottajan{{/several}} sähköpostipalvelimelle. Viesti otettiin lähetettäväksi {{accepted}}. Tämä ei vielä tarkoita, että viesti on luettu.

    {{#recipients}}
    <{{address}}>
    \(taken)

    {{/recipients}}
    \(signature)
    """

  private static let relayed = """
    Subject: Viesti välitetty eteenpäin{{#subject}}: {{subject}}{{/subject}}

    Viestinne{{#subject}} ”{{subject}}”{{/subject}} on välitetty seuraavalle sähköpostipalvelimelle {{#several}}alla olevia {{count}} vastaanottajaa{{/several}}{{^several}}alla olevaa vastaanottajaa{{/several}} varten. Viesti otettiin lähetettäväksi {{accepted}}. Kyseinen palvelin ei vahvista viestin perillemenoa: jos toimitus epäonnistuu myöhemmin, siitä pitäisi tulla ilmoitus, mutta perillemenosta ette saa erillistä tietoa.

    {{#recipients}}
    <{{address}}>
    \(taken)

    {{/recipients}}
    \(signature)
    """
}

extension Finnish {
  func sentence(_ category: BounceCategory, _ detail: BounceDetail?) -> String {
    if let detail, let text = sentence(detail, in: category) { return text }
    return switch category {
    case .userUnknown: "Vastaanottajan palvelin ei tunne tätä osoitetta."
    case .mailboxDisabled: "Postilaatikko on olemassa, mutta se ei ota viestejä vastaan."
    case .mailboxFull: "Vastaanottajan postilaatikko on täynnä."
    case .blocklist: "Vastaanottajan palvelin ei hyväksy palvelimemme viestejä sen maineen tai estolistan vuoksi."
    case .rateLimit: "Vastaanottajan palvelin ottaa juuri nyt vastaan vain rajoitetun määrän viestejä."
    case .greylist: "Vastaanottajan palvelin pyytää tarjoamaan viestiä myöhemmin uudelleen."
    case .spam: "Vastaanottajan palvelin piti viestiä roskapostina."
    case .virus: "Vastaanottajan palvelin löysi viestistä jotakin haitallista."
    case .content: "Vastaanottajan palvelin hylkäsi viestin sen sisällön vuoksi."
    case .policy: "Vastaanottajan palvelin hylkäsi viestin omien sääntöjensä perusteella."
    case .auth:
      "Vastaanottajan palvelin ei voinut varmistua siitä, että viesti todella tulee lähettäjän verkkotunnuksesta."
    case .tls: "Vastaanottajan palvelimeen ei saatu suojattua yhteyttä."
    case .relay: "Palvelin, jolle viestiä tarjottiin, ei välitä viestejä tälle vastaanottajalle."
    case .sender: "Vastaanottajan palvelin ei hyväksy lähettäjän osoitetta."
    case .size: "Viesti on suurempi kuin vastaanottajan palvelin sallii."
    case .dns: "Osoitteen verkkotunnusta ei löydy, tai se ei ota vastaan sähköpostia."
    case .network: "Vastaanottajan palvelimeen ei saatu yhteyttä."
    case .protocol: "Palvelimet eivät ymmärtäneet toisiaan."
    case .system: "Vastaanottajan palvelimessa on häiriö."
    case .expired: "Viestiä ei saatu perille siinä ajassa, jonka kuluessa toimitusta yritetään."
    case .other: "Vastaanottajan palvelin ei ottanut viestiä vastaan eikä ilmoittanut selvää syytä."
    }
  }

  private func sentence(_ detail: BounceDetail, in category: BounceCategory) -> String? {
    switch detail {
    case .addressListed: "Palvelimemme osoite on estolistalla, jota vastaanottajan palvelin käyttää."
    case .domainListed: "Viestissä mainittu verkkotunnus on estolistalla, jota vastaanottajan palvelin käyttää."
    case .otherAddressListed:
      "Osoite, jonka kautta viesti kulki, on estolistalla, jota vastaanottajan palvelin käyttää."
    case .reputation: nil
    case .connectionRefused: "Vastaanottajan palvelin ei hyväksynyt yhteyttämme."
    case .spf: "Lähettäjän verkkotunnus ei salli tämän palvelimen lähettää puolestaan (SPF)."
    case .dkim: "Viestin allekirjoitus (DKIM) puuttui, tai vastaanottajan palvelin ei pitänyt sitä pätevänä."
    case .dmarc: "Viesti ei täytä lähettäjän verkkotunnuksen julkaisemia sääntöjä (DMARC)."
    case .arc: "Vastaanottajan palvelin ei voinut tarkistaa, minkä palvelinten kautta viesti on kulkenut (ARC)."
    case .reverseDNS:
      "Vastaanottajan palvelin edellyttää, että palvelimemme osoitteella on sitä vastaava nimi (käänteinen DNS)."
    case .login:
      category == .auth ? "Palvelin, jonka kautta viestin on kuljettava, ei hyväksynyt kirjautumistamme." : nil
    case .moved: "Vastaanottaja on siirtynyt toiseen osoitteeseen."
    case .addressSyntax: "Vastaanottajan palvelin ei hyväksy osoitteen kirjoitusmuotoa."
    case .restrictedRecipient: "Vastaanottaja ottaa viestejä vastaan vain tietyiltä lähettäjiltä."
    case .domainUnknown: "Osoitteen verkkotunnusta ei ole olemassa; tarkistakaa kirjoitusasu."
    case .nullMX: "Osoitteen verkkotunnus ei ota vastaan lainkaan sähköpostia."
    case .noMailServer: "Osoitteen verkkotunnuksella ei ole sähköpostipalvelinta."
    case .lookupFailed: "Verkkotunnuksen sähköpostipalvelimia ei saatu selville."
    case .forbiddenAddress:
      "Verkkotunnuksen palvelimella on osoite, johon ei saa lähettää postia, esimerkiksi sisäverkon osoite."
    case .connection: nil
    case .timeout: "Vastaanottajan palvelin ei vastannut ajoissa."
    case .mailLoop: "Viesti jäisi kiertämään kehää."
    case .recipients: "Vastaanottajan palvelin hyväksyy kerralla vähemmän vastaanottajia."
    case .connections: "Vastaanottajan palvelin hyväksyy kerralla vähemmän yhteyksiä."
    case .volume: nil
    case .storage: "Vastaanottajan palvelimen tallennustila on loppunut."
    case .attachment: "Vastaanottajan palvelin ei hyväksy viestin liitettä."
    case .header: "Vastaanottajan palvelin ei hyväksy viestin otsikkotietojen muotoa."
    case .link: "Vastaanottajan palvelin ei hyväksy viestissä olevaa linkkiä."
    case .smtpUTF8:
      "Viesti vaatii kansainvälistettyä sähköpostia (SMTPUTF8), jota vastaanottajan palvelin ei tue."
    case .missingExtension:
      category == .size ? nil : "Viesti on muodossa, jota vastaanottajan palvelin ei tue."
    case .senderDomain: "Vastaanottajan palvelin ei löytänyt lähettäjän verkkotunnusta."
    case .local: "Viestiä ei voitu lähettää meillä olevan häiriön vuoksi."
    case .suppressed: "Mitään ei lähetetty: osoite on tämän postipalvelun estettyjen vastaanottajien luettelossa."
    }
  }
}
