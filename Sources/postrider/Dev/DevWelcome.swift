import Supervision

extension DevNode {
  private var mailboxes: String {
    guard let ports = files.ports.mailboxes else { return "" }
    return "\nPort \(ports.imap) is IMAP and port \(ports.pop3) POP3, both with TLS, for \(DevDestinations.login)."
      + (discovery.map { "\n\($0) tells mail programs so: \($0)\(Self.autoconfig)" } ?? "")
  }

  private static let autoconfig = "/mail/config-v1.1.xml?emailaddress=\(DevDestinations.login)"

  /// Commands to paste.
  func printWelcome() {
    let environment = ". \(layout.shownRoot)/env.sh"
    let differing = PrivatePostgres.recommendedSettings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    let status = files.ports.status.map { "http://127.0.0.1:\($0.port)/readyz (\($0.role))" }
    say(
      """

      The node runs: port \(implicitPort) takes mail with TLS from the first byte, port \(startTLSPort) with STARTTLS.
      Delivered messages are in \(layout.shownRoot)/sink, logs in \(layout.shownRoot)/log.\(mailboxes)
      PostgreSQL has \(differing).
      How each role is, and its numbers at /metrics:
        \(status.joined(separator: "\n        "))

      Send a message, in another terminal:

        \(environment)
        swaks --server $SMTP_HOST:$SMTP_STARTTLS_PORT --tls --tls-verify --tls-ca-path $SMTP_CAFILE \\
          --auth PLAIN --auth-user $SMTP_USER --auth-password $SMTP_PASS --from $SMTP_USER --to $SMTP_TO

        printf 'Subject: hello\\r\\n\\r\\nFrom curl.\\r\\n' | curl --url smtps://$SMTP_HOST:$SMTP_IMPLICIT_PORT \\
          --cacert $SMTP_CAFILE --user $SMTP_USER:$SMTP_PASS --mail-from $SMTP_USER --mail-rcpt $SMTP_TO -T -

        python3 - <<'END'
        import os, smtplib, ssl
        e = os.environ
        with smtplib.SMTP(e['SMTP_HOST'], e['SMTP_STARTTLS_PORT']) as s:
            s.starttls(context=ssl.create_default_context(cafile=e['SMTP_CAFILE']))
            s.login(e['SMTP_USER'], e['SMTP_PASS'])
            s.sendmail(e['SMTP_USER'], e['SMTP_TO'], 'Subject: hello\\n\\nFrom Python.\\n')
        END

      Other destinations: nobody@inbox.example (refused: you get a report at \(DevDestinations.login)),
      anyone@busy.example (asked to come back), anyone@slow.example, anyone@plain.example (no TLS),
      anyone@null.example (takes no mail), anyone@nowhere.invalid (does not exist).
      Look at the queue with: postrider queue
      Ctrl-C stops everything.

      """)
  }
}
