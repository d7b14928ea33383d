extension Migration {
  /// From here on the database says which builds it still fits.
  static let versions = Migration(
    number: 4, title: "versions",
    sql: """
      -- The schema that a build must know at least to work with the database after this step. Older builds than the
      -- one that brought this column refuse every newer schema by themselves.
      ALTER TABLE postrider.schema_version ADD COLUMN oldest int;
      """)
}
