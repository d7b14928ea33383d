extension Settings {
  /// `docs/configuration.md`, made from the table.
  package static func documentation() -> String {
    var page = introduction
    for section in SettingTable.standard.sections {
      page += "\n## \(section.title) (`\(section.prefix)`)\n\n"
      page += "| key | allowed | default | meaning |\n|---|---|---|---|\n"
      for setting in section.settings {
        let fallback = setting.fallbackText
        let shown = fallback.isEmpty || fallback == "[]" ? "none" : fallback.hasPrefix("(") ? fallback : "`\(fallback)`"
        let cells = ["`\(setting.name)`", setting.allowed, shown, setting.meaning]
        page += "| " + cells.map(escapedCell).joined(separator: " | ") + " |\n"
      }
    }
    return page
  }

  private static func escapedCell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  private static let introduction = """
    # Configuration

    <!-- Made from the tables in Sources/Settings/Sections. Change those, then: postrider config documentation > docs/configuration.md -->

    Everything has a default. A value comes from the first of these that has one:

    1. a flag: `--set smtp.message_size_max=20MB`, as often as wanted;
    2. the environment: the key in capitals with `_` for dots, `POSTRIDER_SMTP_MESSAGE_SIZE_MAX=20MB`;
    3. a YAML file: `--config FILE`, or the file that `POSTRIDER_CONFIG` names;
    4. the default.

    ```yaml
    node:
      name: mail1.example.org
    smtp:
      message_size_max: 20MB
      starttls:
        listen: ["0.0.0.0:587", "[::]:587"]
    delivery:
      routes:
        - {domain: partner.example, host: gateway.partner.example, tls: required}
    ```

    An unknown key or a value that is not allowed ends the start with a message that names it.
    `postrider config` prints what is in effect and where each value came from; `postrider config check` only checks.

    - Durations: `500ms`, `30s`, `5m`, `4h`, `5d`, or together, `1h30m`.
    - Sizes: bytes, or `KB`, `MB`, `GB` in steps of 1024 (`50MB` is 52428800 bytes).
    - Lists: a YAML list; in the environment and after `--set` separated by commas. `delivery.routes`
      and `database.shards` take YAML in one line there.
    - Secrets belong in files or the environment; passwords in URLs are masked wherever settings are printed.

    """
}
