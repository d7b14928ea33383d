extension Migration {
  /// As whom credentials send besides their own name; passwords that take turns; an end, and a switch for SMTP.
  static let credentials = Migration(
    number: 13, title: "allowed senders, passwords in turns", oldest: 4,
    sql: """
      ALTER TABLE postrider.credential
        -- The password before this one, and until when it is good as well. Older builds do not take it.
        ADD COLUMN old_secret text,
        ADD COLUMN old_secret_until timestamptz,
        -- From then on nobody logs in with it; NULL: it has no end.
        ADD COLUMN expires_at timestamptz,
        -- Other ways in stay open.
        ADD COLUMN smtp_disabled_at timestamptz,
        -- To the hour or so: not each login is written down.
        ADD COLUMN last_used_at timestamptz;

      -- Addresses and domains, besides its own, that a credential may send as.
      CREATE TABLE postrider.allowed_sender (
        credential bigint NOT NULL REFERENCES postrider.credential (id),
        sender text NOT NULL CHECK (octet_length(sender) BETWEEN 1 AND 320),
        PRIMARY KEY (credential, sender)
      );
      """)
}
