internal import Yams

/// One value found in a file.
struct FoundValue {
  var key: String
  var value: RawValue
  var line: Int
}

/// Reads YAML text into values of known keys.
struct YAMLSource {
  private let file: String
  private let known: Set<String>
  private(set) var found: [FoundValue] = []
  private(set) var problems: [String] = []

  init(text: String, file: String, known: Set<String>) {
    self.file = file
    self.known = known
    do {
      guard let root = try Parser(yaml: text).singleRoot() else { return }
      if case .scalar(let scalar) = root, scalar.string.isEmpty { return }
      guard case .mapping = root else {
        problems.append("\(file):\(root.mark?.line ?? 1): write keys and values, like \"log: {format: json}\"")
        return
      }
      collect(root, path: "")
    } catch {
      problems.append(YAMLText.problem(error, file: file))
    }
  }

  private mutating func collect(_ node: Node, path: String) {
    guard case .mapping(let mapping) = node else { return }
    for (keyNode, value) in mapping {
      let line = keyNode.mark?.line ?? 1
      guard case .scalar(let scalar) = keyNode else {
        problems.append("\(file):\(line): a key must be one word")
        continue
      }
      let key = path.isEmpty ? scalar.string : path + "." + scalar.string
      if known.contains(key) {
        take(value, key: key, line: line)
      } else if known.contains(where: { $0.hasPrefix(key + ".") }) {
        if YAMLText.isNull(value) { continue }
        if case .mapping = value {
          collect(value, path: key)
        } else {
          problems.append("\(file):\(line): \(key) is a group of keys: write them below it, indented")
        }
      } else {
        problems.append("\(file):\(line): unknown key \(quotedForMessage(key)); \(hint(for: key))")
      }
    }
  }

  private mutating func take(_ node: Node, key: String, line: Int) {
    if YAMLText.isNull(node) {
      problems.append("\(file):\(line): \(key) has no value: leave the key out for its default")
    } else if found.contains(where: { $0.key == key }) {
      problems.append("\(file):\(line): \(key) is there twice")
    } else {
      found.append(FoundValue(key: key, value: YAMLText.raw(node), line: line))
    }
  }

  private func hint(for key: String) -> String { unknownKeyHint(key, known: known) }
}

/// The end of the message about an unknown key.
func unknownKeyHint(_ key: String, known: Set<String>) -> String {
  if let near = nearest(to: key, among: known.sorted()) { return "did you mean \(near)?" }
  let section = key.split(separator: ".").first.map { $0 + "." } ?? ""
  let siblings = known.filter { $0.hasPrefix(section) }.sorted()
  if !section.isEmpty, !siblings.isEmpty { return "known are \(siblings.joined(separator: ", "))" }
  let sections = Set(known.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted()
  return "keys begin with \(sections.joined(separator: ", "))"
}

enum YAMLText {
  /// Reads a value written in one line, as after `--set`.
  static func value(_ text: String, why: String) throws(BadValue) -> RawValue {
    do {
      guard let node = try Parser(yaml: text).singleRoot() else { return .list([]) }
      return raw(node)
    } catch {
      throw BadValue(value: text, why: why)
    }
  }

  static func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  static func raw(_ node: Node) -> RawValue {
    switch node {
    case .scalar(let scalar): .text(scalar.string)
    case .sequence(let sequence): .list(sequence.map(raw))
    case .mapping(let mapping):
      .mapping(
        mapping.map { key, value in
          if case .scalar(let scalar) = key { (scalar.string, raw(value)) } else { ("", raw(value)) }
        })
    case .alias: .text("")
    }
  }

  static func problem(_ error: any Error, file: String) -> String {
    switch error {
    case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _):
      "\(file):\(mark.line): not YAML: \(problem)"
    case YamlError.duplicatedKeysInMapping(let duplicates, let context):
      "\(file):\(context.mark.line): there twice: \(duplicates.joined(separator: ", "))"
    case YamlError.reader(let problem, _, _, _): "\(file): not YAML: \(problem)"
    default: "\(file): not YAML"
    }
  }
}
