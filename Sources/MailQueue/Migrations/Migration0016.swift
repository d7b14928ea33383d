extension Migration {
  /// What tenants want done about malware and spam; what scanners found in a message; why one was held at once.
  static let scanning = Migration(
    number: 16, title: "content scanning", oldest: 4,
    sql: """
      -- NULL: the node's settings.
      ALTER TABLE postrider.tenant
        ADD COLUMN scan_malware text CHECK (scan_malware IN ('reject', 'hold', 'tag', 'off')),
        ADD COLUMN scan_spam text CHECK (scan_spam IN ('reject', 'hold', 'tag', 'off')),
        ADD COLUMN spam_score double precision,
        ADD COLUMN spam_tag_score double precision;

      ALTER TABLE postrider.message
        -- As in the message's header; NULL: nobody was asked.
        ADD COLUMN scan text,
        -- Its jobs were held from the first on; NULL: they were not. It stays when they are released.
        ADD COLUMN hold_reason text;

      -- What waits for a person. Hardly any message is in it. Making it reads all messages once; new ones wait so long.
      CREATE INDEX message_held ON postrider.message (accepted_at) WHERE hold_reason IS NOT NULL;
      """)
}
