import Observability
import Testing

@testable import postrider

@Suite struct TableTests {
  @Test func columnsLineUp() {
    var table = Table("tenant", ">queued", "oldest")
    table.add("acme", 12, "5m")
    table.add("世界", 12345, nil)
    table.add("x\u{1B}[2J\n", 1, "")
    #expect(
      table.text == """
        TENANT        QUEUED  OLDEST
        acme              12  5m
        世界           12345  -
        x\\x1b[2J\\x0a       1

        """)
  }

  @Test func tooFewCells() {
    var table = Table("a", "b")
    table.add("1")
    table.add("1", "2", "3")
    #expect(table.text == "A  B\n1\n1  2\n")
    #expect(Table("only").text == "ONLY\n")
  }

  @Test func fields() {
    var list = FieldList()
    list.add("id", "X")
    list.add("none", nil as String?)
    list.add("recipient", "a\rb")
    #expect(list.text == "id         X\nrecipient  a\\x0db\n")
  }

  @Test func jsonCannotSteerATerminal() throws {
    struct Value: Encodable { var someText: String }
    #expect(
      try JSONOutput.text(Value(someText: "a\u{1B}\u{9B}\u{202E}é/")) == """
        {
          "some_text" : "a\\u001b\\u009b\\u202eé/"
        }
        """)
  }

  @Test func exitCodesAreDistinctAndExplained() {
    #expect(Set(ExitStatus.allCases.map(\.meaning)).count == ExitStatus.allCases.count)
    #expect(ExitStatus.table.contains("  78  the settings are refused"))
  }
}
