/// Reads a feedback report (RFC 5965).
func readFeedback(_ reader: MIMEReader) -> IncomingReport? {
  guard let part = reader.leaves.first(where: { $0.type == "message/feedback-report" }) else { return nil }
  let body = part.decoded
  // Some begin with a blank line.
  let fields = MIMEReader.splitHeader(body.drop { $0 == 0x0D || $0 == 0x0A }, part.limits).fields
  func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
  guard let type = values("feedback-type").first?.lowercased().trimmed, !type.isEmpty else { return nil }
  let addresses = (values("original-rcpt-to") + values("removal-recipient")).prefix(100).compactMap(AddressText.typed)
  let mta = values("reporting-mta").first.flatMap { $0.split(separator: ";").last.map { $0.trimmed } }
  return IncomingReport(
    content: .feedback(
      Feedback(type: String(type.prefix(64)), addresses: addresses, userAgent: values("user-agent").first)),
    reporter: mta ?? values("source").first)
}
