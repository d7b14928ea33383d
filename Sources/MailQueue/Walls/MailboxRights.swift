extension DatabaseRights {
  /// Everything that the server of the mailboxes may do: ask about one name at a time. It sees no table, no list of
  /// names, and nothing of the queue.
  static let mailboxes = DatabaseRights(
    schema: "mailbox", functions: ["login(text, integer)", "delivery(text)"])
}
