internal import Cryptography
internal import MailFormat
internal import TLS

/// What the server's certificate is worth, in three verdicts: its name, its dates, and who vouches for it.
struct CertificateFindings {
  let peer: TLSPeer
  let host: String
  let place: String

  var all: [Finding] {
    guard let der = peer.chain.first, let facts = try? CertificateFacts(der: der, covering: host) else {
      return [
        .failed(
          "certificate \(place)", "the server showed none that can be read", advice: "the server must be set up anew")
      ]
    }
    return [name(facts), dates(facts), chain(facts)]
  }

  private func name(_ facts: CertificateFacts) -> Finding {
    let check = "certificate's name \(place)"
    let names = facts.names.prefix(5).joined(separator: ", ") + (facts.names.count > 5 ? ", …" : "")
    if facts.coversName { return .ok(check, "is for \(names)") }
    return .failed(
      check, "is for \(names.isEmpty ? "nobody" : names), not for \(host)",
      advice: "enter a name that it is for as the server in the mail program; or the server gets one for \(host)")
  }

  private func dates(_ facts: CertificateFacts) -> Finding {
    let check = "certificate's dates \(place)"
    if facts.isInFuture {
      return .failed(
        check, "is valid from \(Self.day(facts.begins)) only", advice: "see this machine's clock, then the server's")
    }
    if facts.daysLeft < 0 {
      return .failed(
        check, "has ended on \(Self.day(facts.ends))",
        advice: "the server must renew it; see this machine's clock if that day is still to come")
    }
    let text = "until \(Self.day(facts.ends)), \(facts.daysLeft) days left"
    return facts.daysLeft >= 7 ? .ok(check, text) : .warning(check, text, advice: "the server should renew it now")
  }

  private func chain(_ facts: CertificateFacts) -> Finding {
    let check = "certificate's chain \(place)"
    switch peer.fault {
    // OpenSSL comes to the name and the dates of the first one when the chain has been found.
    case nil, .name: return .ok(check, "vouched for by \(facts.issuer)")
    case .date where facts.daysLeft < 0 || facts.isInFuture: return .ok(check, "vouched for by \(facts.issuer)")
    case .date:
      return .failed(
        check, "one that vouches for it has ended or is not valid yet", advice: "the server must get a new chain")
    case .selfSigned:
      return .failed(
        check, "it is signed by itself: nobody vouches for it",
        advice: "the server needs one from an authority; never tell a mail program to take any certificate")
    case .untrustedAuthority:
      return .failed(
        check, "vouched for by \(facts.issuer), whom this machine does not trust",
        advice: "a company's own authority must be installed here, or named with --ca-file; otherwise somebody "
          + "in between may read along")
    case .unknownIssuer:
      return .failed(
        check, "nobody known here vouches for it: it is by \(facts.issuer)",
        advice: "the server must send its whole chain (fullchain.pem), or its authority is not known here (--ca-file)")
    case .weak:
      return .failed(check, "a key or signature in it is too weak", advice: "the server needs a new certificate")
    case .other(let why):
      return .failed(check, why, advice: "the server needs another certificate")
    }
  }

  private static func day(_ unixSeconds: Int64) -> String {
    let parts = MailDate.parts(unixSeconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.year)-\(two(parts.month))-\(two(parts.day))"
  }
}
