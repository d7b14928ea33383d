import Foundation
import MailModel
import Testing

@testable import BounceRules

@Suite struct RuleTests {
  /// Each rule decides the reply that it was made for.
  @Test(arguments: allRules.map(\.id))
  func decidesItsReference(id: String) throws {
    let rule = try #require(allRules.first { $0.id == id })
    let info = getBounceInfo(.text(Array(rule.reference.example.utf8)))
    #expect(info.rule == rule.id && info.category == rule.category, "\(info)")
    #expect(!rule.reference.provider.isEmpty && rule.reference.since.count == 4)
  }

  @Test func identifiersAreUnique() {
    #expect(Set(allRules.map(\.id)).count == allRules.count)
  }

  /// Phrases are written as texts are normalised; otherwise they would never be found.
  @Test func phrasesAreNormal() {
    for rule in allRules {
      for phrase in (rule.phrases + "|" + rule.unless).split(separator: "|") {
        for part in phrase.split(separator: "*") where !part.contains("^") && !part.contains("$") {
          let words = part.split(separator: " ").filter { !["@", "%", ":"].contains($0) }
          for word in words {
            let plain = word.hasSuffix("+") ? word.dropLast() : word
            let wording = Wording(lines: [Charset.unified(Array(plain.utf8))[...]], names: [])
            #expect(
              wording.bytes == [0x20] + Array(plain.utf8) + [0x20] || plain.utf8.contains { $0 == 0x2F },
              "\(rule.id): \(phrase)")
          }
        }
      }
    }
  }

  /// Each enhanced code of the table says what its row says, at both ends.
  @Test func statusesSpeak() {
    for row in StatusRules.table {
      for detail in [row.details.lowerBound, row.details.upperBound] {
        let status = EnhancedStatus(5, row.subject, detail)
        let first = StatusRules.table.first { $0.subject == row.subject && $0.details.contains(detail) }
        #expect(StatusRules.meaning(of: status)?.category == first?.category)
        #expect(!row.reference.isEmpty)
      }
    }
  }

  @Test func theAutomatonFindsWhatIsThere() {
    let patterns = ["he", "she", "his", "hers", "e"].map { Array($0.utf8) }
    var found: [String] = []
    PhraseAutomaton(patterns).scan(Array("ushers".utf8)) { pattern, end in
      found.append("\(String(decoding: patterns[pattern], as: UTF8.self))\(end)")
    } after: { _, _ in
    }
    #expect(found == ["she3", "he3", "e3", "hers5"])
  }
}

/// Replies of the world.
@Suite struct GoldenTests {
  /// Our own: category and action of each.
  @Test func golden() throws {
    for line in try lines("golden.tsv") {
      let parts = line.split(separator: "\t", maxSplits: 2).map(String.init)
      let info = getBounceInfo(.text(Array(parts[2].replacing("\\n", with: "\r\n").utf8)))
      #expect(
        "\(info.category.rawValue) \(info.action.rawValue)" == "\(parts[0]) \(parts[1])", "\(parts[2]): \(info.rule)")
    }
  }

  private struct Sample: Decodable {
    let reply: String
    let category: String
    let also_acceptable: [String]
  }

  /// Others': 98 in a hundred are called what their labels accept.
  @Test func sample() throws {
    let samples = try lines("sample.jsonl").map { try JSONDecoder().decode(Sample.self, from: Data($0.utf8)) }
    let wrong = samples.filter { sample in
      let category = getBounceInfo(.text(Array(sample.reply.utf8))).category.rawValue
      return category != sample.category && !sample.also_acceptable.contains(category)
        && !sample.also_acceptable.contains("*")
    }
    #expect(samples.count > 300 && wrong.count * 50 <= samples.count, "\(wrong.map(\.reply))")
  }

  private func lines(_ name: String) throws -> [String] {
    let url = try #require(Bundle.module.url(forResource: "Replies/\(name)", withExtension: nil))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
