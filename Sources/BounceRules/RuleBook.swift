internal import MailModel

/// One line of the tables in `Rules/`: a wording that providers use, what it means, and where it was seen.
///
/// Phrases are lower-case words without punctuation or accents, as `Wording` writes them. `*` stands for up to seven
/// words, `+` at the end of a word for any ending, `@` for an address, `%` for an IP address, `$` for any host and
/// `$example.org` for that one and those under it, `^` for a link that begins so. Phrases are whole words, do not reach from one sentence into the next and do not
/// count after a negation («not listed in»).
struct BounceRule: Sendable {
  /// How sure the wording is.
  enum Weight: Sendable {
    /// It says what happened, whatever the codes say.
    case firm
    /// A precise enhanced code is stronger (RFC 3463); a vague one (x.0.0, 5.7.1) is not.
    case vague
  }

  let id: String
  let category: BounceCategory
  let detail: BounceDetail?
  let weight: Weight
  /// What a permanent refusal leads to, where it is not what the category leads to.
  let action: BounceAction?
  /// Which reply codes and stages it is limited to; empty: any.
  let codes: [Int]
  let stages: [AttemptStage]
  /// Separated by `|`, as is `unless`: any of these.
  let phrases: String
  let unless: String
  let reference: RuleReference

  init(
    _ id: String, _ category: BounceCategory, _ detail: BounceDetail? = nil, _ weight: Weight = .firm,
    action: BounceAction? = nil, codes: [Int] = [], stages: [AttemptStage] = [], any phrases: String,
    unless: String = "", from provider: String, since: String, example: String
  ) {
    self.id = id
    (self.category, self.detail, self.weight, self.action) = (category, detail, weight, action)
    (self.codes, self.stages, self.phrases, self.unless) = (codes, stages, phrases, unless)
    reference = RuleReference(provider: provider, since: since, example: example)
  }
}

/// Where a wording comes from. The example is a test: its rule must decide it.
struct RuleReference: Sendable, Hashable {
  let provider: String
  /// The year of the oldest use that we know of.
  let since: String
  let example: String
}

/// All rules, compiled: one automaton over all phrases, and which rules each phrase speaks for.
struct RuleBook: Sendable {
  static let standard = RuleBook(allRules)

  let rules: [BounceRule]
  private let automaton: PhraseAutomaton
  /// For each pattern: in which phrases it stands and at which place.
  private let uses: [[Use]]
  /// By phrase: how many parts it has, and where its progress is kept.
  private let phraseParts: [Int]
  private let progressStart: [Int]
  private let progressCount: Int
  private let rulesOfPhrase: [[Int]]
  /// By phrase: a word alone is never firm, whatever its rule is.
  private let isLone: [Bool]
  /// By phrase: negations before it do not matter.
  private let isPlain: [Bool]
  private let unlessOfRule: [[Int]]
  private let wordCounts: [Int]
  /// Patterns that are negations and the like, by pattern.
  private let wordMarks: [UInt8]

  private struct Use: Sendable {
    let phrase: Int
    let part: Int
  }

  init(_ rules: [BounceRule]) {
    self.rules = rules
    var patterns: [[UInt8]: Int] = [:]
    var phrases: [String: Int] = [:]
    var uses: [[Use]] = []
    var parts: [Int] = []
    func pattern(_ bytes: [UInt8]) -> Int {
      if let known = patterns[bytes] { return known }
      patterns[bytes] = patterns.count
      uses.append([])
      return patterns.count - 1
    }
    // What a phrase excludes it excludes also when it stands after a negation: those are phrases of their own.
    func phrase(_ wanted: Substring, plain: Bool = false) -> Int {
      let text = String(wanted)
      let key = plain ? "!" + text : text
      if let known = phrases[key] { return known }
      let number = phrases.count
      phrases[key] = number
      let pieces = PhraseText.parts(of: text)
      for (index, piece) in pieces.enumerated() { uses[pattern(piece)].append(Use(phrase: number, part: index)) }
      parts.append(pieces.count)
      return number
    }
    var rulesOfPhrase: [Int: [Int]] = [:]
    var unless: [[Int]] = []
    for (index, rule) in rules.enumerated() {
      for text in rule.phrases.split(separator: "|") { rulesOfPhrase[phrase(text), default: []].append(index) }
      unless.append(rule.unless.split(separator: "|").map { phrase($0, plain: true) })
    }
    var marks: [Int: UInt8] = [:]
    for (words, mark) in [
      (Marking.negations, Marking.negation), (Marking.fillers, Marking.filler), (Marking.hedges, Marking.hedge),
    ] {
      for word in words.split(separator: " ") { marks[pattern([0x20] + Array(word.utf8) + [0x20])] = mark }
    }
    let sorted = patterns.sorted { $0.value < $1.value }.map(\.key)
    automaton = PhraseAutomaton(sorted)
    self.uses = uses
    phraseParts = parts
    isPlain = phrases.sorted { $0.value < $1.value }.map { $0.key.hasPrefix("!") }
    isLone = phrases.sorted { $0.value < $1.value }.map { PhraseText.isLone($0.key) }
    var place = 0
    progressStart = parts.map { count in
      defer { place += count > 1 ? count : 0 }
      return place
    }
    progressCount = place
    self.rulesOfPhrase = parts.indices.map { rulesOfPhrase[$0] ?? [] }
    unlessOfRule = unless
    wordCounts = sorted.map { pattern in
      let inside = pattern.dropFirst().dropLast()
      return 1 + inside.count { $0 == 0x20 }
    }
    wordMarks = sorted.indices.map { marks[$0] ?? 0 }
  }

  /// What the phrases of a text say.
  struct Finding {
    /// By phrase, the place of its last byte; -1: it does not stand there.
    fileprivate(set) var ends: [Int32]
    fileprivate(set) var phrases: [Int] = []
    fileprivate(set) var steps = 0
  }

  func read(_ text: [UInt8]) -> Finding {
    var finding = Finding(ends: [Int32](repeating: -1, count: phraseParts.count))
    var progress = [Int32](repeating: -1, count: progressCount)
    /// By word: negation and the like.
    var marks: [UInt8] = [0]
    automaton.scan(
      text,
      at: { pattern, end in
        finding.steps += 1
        let isWhole = text[end] == 0x20
        // After the blank that ends a word, `marks` already has a place for the next one.
        let after = marks.count - (isWhole ? 1 : 0)
        let first = after - wordCounts[pattern]
        if wordMarks[pattern] != 0 { marks[first] = wordMarks[pattern] }
        for use in uses[pattern] {
          finding.steps += 1
          take(use, first: first, after: after, end: end, marks: marks, progress: &progress, finding: &finding)
        }
      },
      after: { byte, _ in
        if byte == 0x20 { marks.append(0) } else if byte == Mark.stop { marks[marks.count - 1] = Marking.stop }
      })
    finding.steps += text.count
    return finding
  }

  private func take(
    _ use: Use, first: Int, after: Int, end: Int, marks: [UInt8], progress: inout [Int32], finding: inout Finding
  ) {
    let count = phraseParts[use.phrase]
    if use.part == 0 {
      if !isPlain[use.phrase], Marking.isNegated(first, marks) { return }
    } else {
      let before = Int(progress[progressStart[use.phrase] + use.part - 1])
      guard before >= 0, first >= before, first - before <= 7,
        !marks[before..<first].contains(where: { $0 == Marking.stop || $0 == Marking.negation })
      else { return }
    }
    if use.part < count - 1 {
      progress[progressStart[use.phrase] + use.part] = Int32(after)
    } else if finding.ends[use.phrase] < 0 {
      finding.ends[use.phrase] = Int32(end)
      finding.phrases.append(use.phrase)
    }
  }

  /// The first rule of a weight that holds, and where in the text it was met.
  func decide(_ finding: Finding, _ weight: BounceRule.Weight, code: Int?, stage: AttemptStage?) -> (
    rule: BounceRule, end: Int
  )? {
    var best: (Int, Int)?
    for phrase in finding.phrases {
      for index in rulesOfPhrase[phrase] where index < best?.0 ?? Int.max {
        let rule = rules[index]
        guard weight == .vague || (rule.weight == .firm && !isLone[phrase]),
          rule.codes.isEmpty || code.map(rule.codes.contains) ?? false,
          rule.stages.isEmpty || stage.map(rule.stages.contains) ?? false,
          !unlessOfRule[index].contains(where: { finding.ends[$0] >= 0 })
        else { continue }
        best = (index, Int(finding.ends[phrase]))
      }
    }
    return best.map { (rules[$0.0], $0.1) }
  }
}

/// Words that turn a phrase into its opposite.
private enum Marking {
  static let negation: UInt8 = 1
  static let filler: UInt8 = 2
  static let hedge: UInt8 = 3
  static let stop: UInt8 = 4
  static let negations =
    "not never isnt wasnt arent hasnt without neither nor nicht kein keine pas jamais non nao nie nunca niet geen ikke inte не нет cannot"
  static let fillers = "be been a an the yet currently considered in on any being is"
  static let hedges = "may might could if whether unless ob si"

  /// Whether the words before word `first` negate it: «not listed», «not be listed», «may be full».
  static func isNegated(_ first: Int, _ marks: [UInt8]) -> Bool {
    guard first > 0, first <= marks.count else { return false }
    if marks[first - 1] == negation { return true }
    guard first > 1, marks[first - 1] == filler else { return false }
    return marks[first - 2] == negation || marks[first - 2] == hedge
  }
}

/// Reads the notation of phrases.
enum PhraseText {
  /// One word of letters, which may stand in any sentence.
  static func isLone(_ phrase: String) -> Bool {
    phrase.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "+") }
  }

  /// The parts between the `*`, as bytes to look for.
  static func parts(of phrase: String) -> [[UInt8]] {
    phrase.split(separator: "*").map { part in
      var words = part.split(separator: " ").map(String.init)
      guard let first = words.first, let last = words.last else { return [] }
      // Scripts without blanks between words stand anywhere.
      let isOpen = first.unicodeScalars.contains { $0.value >= 0x3000 }
      var opensEnd = isOpen
      if last.hasSuffix("+") {
        words[words.count - 1] = String(last.dropLast())
        opensEnd = true
      }
      var bytes: [UInt8] = isOpen || (first.hasPrefix("$") && first.count > 1) ? [] : [0x20]
      for (index, word) in words.enumerated() {
        if index > 0 { bytes.append(0x20) }
        if word == "@" {
          bytes.append(Mark.address)
        } else if word == "%" {
          bytes.append(Mark.ip)
        } else if word == ":" {
          bytes.append(Mark.stop)
        } else if word.hasPrefix("^") {
          bytes.append(Mark.link)
          bytes += word.dropFirst().utf8
          opensEnd = true
        } else if word.hasPrefix("$") {
          // A host is written with a dot before it, so that a domain also finds what is under it.
          if word.count > 1 {
            bytes += [UInt8(ascii: ".")] + Array(word.dropFirst().utf8) + [Mark.host]
          } else {
            bytes.append(Mark.host)
          }
          opensEnd = true
        } else {
          bytes += word.utf8
        }
      }
      if !opensEnd { bytes.append(0x20) }
      return bytes
    }
  }
}
