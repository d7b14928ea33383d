internal import Observability

/// A table for people: columns as wide as their widest cell, one space more between them, nothing drawn.
struct Table {
  enum Alignment { case left, right }

  private var columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  /// - Parameter columns: titles; a `>` in front aligns the column to the right, as numbers want it.
  init(_ columns: String...) { self.init(columns) }

  init(_ columns: [String]) {
    self.columns = columns.map { $0.hasPrefix(">") ? (String($0.dropFirst()), .right) : ($0, .left) }
  }

  /// Adds a row. Cells are escaped here and cut to a bearable length: they may hold text from outside.
  mutating func add(_ cells: [(any CustomStringConvertible)?]) {
    let texts = cells.map { cell in cell.map { escaped($0.description, limit: 200) } ?? "-" }
    rows.append(Array((texts + Array(repeating: "", count: columns.count)).prefix(columns.count)))
  }

  mutating func add(_ cells: (any CustomStringConvertible)?...) { add(cells) }

  var isEmpty: Bool { rows.isEmpty }

  /// The whole table with newlines; the title line alone when there are no rows.
  var text: String {
    let lines = [columns.map { $0.title.uppercased() }] + rows
    let widths = columns.indices.map { column in lines.map { Self.width($0[column]) }.max() ?? 0 }
    return lines.map { line in
      var text = ""
      for (column, cell) in line.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - Self.width(cell))
        text += columns[column].alignment == .right ? padding + cell : cell + padding
        text += "  "
      }
      while text.hasSuffix(" ") { text.removeLast() }
      return text + "\n"
    }.joined()
  }

  func print() { Swift.print(text, terminator: "") }

  /// How many columns of a terminal a text takes: characters of East Asian scripts and emoji take two.
  static func width(_ text: String) -> Int {
    text.reduce(0) { sum, character in
      guard let scalar = character.unicodeScalars.first else { return sum }
      switch scalar.value {
      case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
        return sum + 2
      default:
        return sum + 1
      }
    }
  }
}

/// Field names and values below each other, for one thing in detail.
struct FieldList {
  private var fields: [(name: String, value: String)] = []

  /// nil and empty values are left out.
  mutating func add(_ name: String, _ value: (any CustomStringConvertible)?) {
    guard let text = value?.description, !text.isEmpty else { return }
    fields.append((name, escaped(text)))
  }

  var text: String {
    let width = fields.map { Table.width($0.name) }.max() ?? 0
    return fields.map { field in
      field.name + String(repeating: " ", count: width - Table.width(field.name)) + "  " + field.value + "\n"
    }.joined()
  }

  func print() { Swift.print(text, terminator: "") }
}
