import MailModel

/// Reads reports that are only meant for people: those of qmail, Exim, Sendmail, Exchange, and others that name the
/// address and the reason in a similar way.
///
/// What decides is how a mail server writes, not single words: a vacation notice that talks about mail which «could not
/// be delivered» is an automatic reply.
func readPlainText(_ reader: MIMEReader) -> IncomingReport {
  let head = HeaderFacts(reader.header)
  let text = reader.leaves.first { $0.type == "text/plain" } ?? reader.leaves.first { $0.type.hasPrefix("text/") }
  guard let text else {
    return IncomingReport(content: head.isAutomatic ? .automaticReply : .other("a message without text"))
  }
  let raw = Text.lines(text.decoded)
  let body = ReportBody(text.type == "text/html" ? Markup.lines(raw) : raw)
  let style = ServerStyle(head, body)
  if style == nil, head.isAutomatic { return IncomingReport(content: .automaticReply) }
  guard style != nil || head.looksLikeBounce else { return IncomingReport(content: .other("not a report")) }
  let action: ReportedAction = style == .warning || body.saysDelay(head.subject) ? .delayed : .failed
  var found = body.deliveries(failed: head.failedRecipients, action: action)
  // Somebody's mail daemon, but neither an address nor a reason: nothing to go by.
  if style == nil { found.removeAll { $0.diagnostic.isEmpty } }
  guard !found.isEmpty else { return IncomingReport(content: .other("a bounce that was not understood")) }
  return IncomingReport(content: .delivery(found), reporter: head.from)
}

/// What the header says about the kind of message.
struct HeaderFacts {
  let subject: String
  let from: String?
  /// `X-Failed-Recipients` (Exim, Gmail).
  let failedRecipients: [String]
  private let fields: [MIMEField]

  init(_ fields: [MIMEField]) {
    self.fields = fields
    func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    subject = (first("subject") ?? "").lowercased()
    from = first("from").flatMap(AddressText.plain)
    failedRecipients = fields.filter { $0.name == "x-failed-recipients" }.flatMap { $0.value.split(separator: ",") }
      .prefix(100).compactMap { AddressText.plain(String($0)) }
  }

  /// Made by a program in answer to a message (RFC 3834), or by one that does not know that RFC.
  var isAutomatic: Bool {
    fields.contains { field in
      let value = field.value.lowercased().trimmed
      return switch field.name {
      case "auto-submitted": value != "no"
      case "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-mail-autoreply",
        "x-ms-exchange-generated-message-source":
        true
      case "precedence": ["auto_reply", "auto-reply", "bulk", "junk", "list"].contains(value)
      case "subject": Self.automaticSubjects.contains { value.hasPrefix($0) }
      default: false
      }
    }
  }

  private static let automaticSubjects = [
    "automatic reply", "auto reply", "auto:", "autoreply", "auto-reply", "out of office", "out of the office",
    "abwesenheit", "automatische antwort", "automatisch antwoord", "afwezig", "réponse automatique", "absence",
    "respuesta automática", "risposta automatica", "automaattinen vastaus", "poissa", "automatiskt svar", "autosvar",
    "resposta automática", "vacation",
  ]

  /// A mail system speaks, and its subject is failure.
  var looksLikeBounce: Bool {
    let local = from.map { $0.prefix { $0 != "@" }.lowercased() } ?? ""
    guard ["mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "bounce"].contains(local) else {
      return !failedRecipients.isEmpty
    }
    return !failedRecipients.isEmpty || Self.failureSubjects.contains { subject.contains($0) }
  }

  private static let failureSubjects = [
    "undeliver", "non-deliver", "nondeliver", "not deliver", "failure", "failed", "returned mail", "returned to sender",
    "delivery status", "delivery problem", "delivery error", "mail error", "unzustellbar", "nicht zugestellt",
    "onbestelbaar", "niet bezorgd", "non remis", "échec", "no se puede entregar", "no entregado", "non recapitabile",
    "mancato recapito", "toimitus epäonnistui", "toimittaminen", "går inte att leverera", "kan ikke leveres",
    "não entregue", "não foi possível entregar", "warning: could not send", "delay",
  ]
}

/// Whose words a text is in.
enum ServerStyle {
  case qmail, exim, sendmail, exchange, postfix, google
  /// Not given up yet.
  case warning

  init?(_ head: HeaderFacts, _ body: ReportBody) {
    let start = body.opening
    func has(_ words: String...) -> Bool { words.contains { start.contains($0) } }
    if has("qmail-send program", "this is the qmail") {
      self = .qmail
    } else if has(
      "created automatically by mail delivery software", "a message that you sent could not be delivered",
      "a message that you sent has not yet been delivered")
    {
      self =
        has("has not yet been delivered", "has not been delivered") && !has("could not be delivered")
        ? .warning : .exim
    } else if has(
      "the following addresses had", "transcript of session follows", "the original message was received at")
    {
      self =
        has("delivery temporarily suspended", "transient non-fatal errors", "warning message only")
        ? .warning : .sendmail
    } else if has("this is the mail system at host") {
      self = has("you do not need to resend your message", "do not need to resend") ? .warning : .postfix
    } else if has(
      "delivery has failed to these recipients", "diagnostic information for administrators", "generating server:",
      "remote server returned '", "did not reach the following recipient", "couldn't be delivered",
      "wasn't able to deliver",
      "konnte nicht zugestellt werden", "kan niet worden bezorgd")
    {
      self = has("is still trying", "delayed") && !has("has failed") ? .warning : .exchange
    } else if has(
      "delivery to the following recipient failed", "delivery to the following recipients failed",
      "address not found", "message wasn't delivered to", "message not delivered")
    {
      self = .google
    } else {
      return nil
    }
  }
}
