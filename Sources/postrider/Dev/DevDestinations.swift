/// The demo's destinations: what DNS says about them and how their servers behave.
enum DevDestinations {
  static let domain = "demo.example"
  static let login = "app@demo.example"
  static let recipient = "someone@inbox.example"

  /// Addresses on which the sink plays mail servers, and the names in their certificate.
  static let hosts: [(address: String, name: String)] = [
    ("127.0.0.2", "mx1.inbox.example"), ("127.0.0.3", "mx2.inbox.example"), ("127.0.0.4", "mx.slow.example"),
    ("127.0.0.5", "mx.busy.example"), ("127.0.0.6", "mx.plain.example"), ("127.0.0.7", "mx.demo.example"),
  ]

  /// The root and the whole of `example`: everything else does not exist (NXDOMAIN).
  static let zones = [
    "": "example. IN NS ns.invalid.",
    "example": """
    ; Takes everything, and has a second server.
    inbox IN MX 10 mx1.inbox
    inbox IN MX 20 mx2.inbox
    mx1.inbox IN A 127.0.0.2
    mx2.inbox IN A 127.0.0.3
    ; Takes its time.
    slow IN MX 10 mx.slow
    mx.slow IN A 127.0.0.4
    ; Asks each recipient to come back once.
    busy IN MX 10 mx.busy
    mx.busy IN A 127.0.0.5
    ; Has neither TLS nor other extensions.
    plain IN MX 10 mx.plain
    mx.plain IN A 127.0.0.6
    ; Takes no mail (RFC 7505).
    null IN MX 0 .
    ; The sender's own domain, for reports.
    demo IN MX 10 mx.demo
    mx.demo IN A 127.0.0.7
    mail.demo IN A 127.0.0.1
    """,
  ]

  /// The sink's script.
  static var script: String {
    let profiles = hosts.map { host in
      let without = host.name == "mx.plain.example" ? ", without: [STARTTLS, PIPELINING, SIZE, DSN, CHUNKING]" : ""
      return "  \(host.address): {name: \(host.name)\(without)}"
    }
    return """
      hosts:
      \(profiles.joined(separator: "\n"))
      rules:
        - {stage: rcpt, match: "nobody@*", reply: "550 5.1.1 no such user here"}
        - {stage: rcpt, match: "full@*", reply: "452 4.2.2 the mailbox is full"}
        - {stage: rcpt, match: "*@busy.example", times: 1, each: true, reply: "450 4.7.1 please come back later"}
        - {stage: dot, listen: 127.0.0.4, delay: 3s}

      """
  }
}
