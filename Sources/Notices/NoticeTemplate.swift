internal import Foundation
internal import MailFormat
internal import Mustache

/// The text of one kind of notice: a line `Subject: …`, a blank line, then the body, all with Mustache tags.
///
/// Values are text and come without escapes. Long lines are broken where a person would break them, and keep their
/// indentation. See docs/notices.md for the names.
package struct NoticeTemplate: Sendable {
  /// Bytes of a template.
  package static let sizeBytesMax = 16 * 1024

  private let template: MustacheTemplate

  /// - Throws: when it is not a template, uses a name that does not exist, or leaves out what every notice must say.
  package init(_ source: String) throws(NoticeTemplateFault) {
    guard source.utf8.count <= Self.sizeBytesMax else {
      throw NoticeTemplateFault("it is larger than \(Self.sizeBytesMax) bytes")
    }
    let text = source.replacing("\r\n", with: "\n")
    try TagCheck.run(text)
    do {
      template = try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}\n" + text)
    } catch let fault as MustacheTemplate.ParserError {
      // The first line is ours.
      throw NoticeTemplateFault("line \(max(1, fault.context.lineNumber - 1)): \(Self.words(fault.error))")
    } catch {
      throw NoticeTemplateFault("\(error)")
    }
    for sample in NoticeSample.all {
      guard render(sample) != nil else {
        throw NoticeTemplateFault("it must begin with a line «Subject: …», then a blank line, then text")
      }
    }
  }

  /// - Returns: nil when what comes out is no notice: without a subject, or without a text.
  func render(_ values: [String: Any]) -> (subject: String, body: String)? {
    let lines = template.render(values).split(separator: "\n", omittingEmptySubsequences: false)
      .drop { $0.allSatisfy(\.isWhitespace) }
    guard let first = lines.first, let end = first.range(of: "Subject:"), end.lowerBound == first.startIndex else {
      return nil
    }
    let subject = first[end.upperBound...].split { $0.isWhitespace }.joined(separator: " ")
    let rest = lines.dropFirst()
    guard !subject.isEmpty, let blank = rest.first, blank.allSatisfy(\.isWhitespace) else { return nil }
    let body = Self.laidOut(rest.dropFirst())
    return body.isEmpty ? nil : (subject, body)
  }

  /// Breaks long lines, and lets one blank line be enough.
  private static func laidOut(_ lines: ArraySlice<Substring>) -> String {
    var result: [String] = []
    for line in lines {
      let margin = String(line.prefix { $0 == " " }.prefix(24))
      let text = MailText.singleLine(String(line), limit: 20_000)
      let pieces = MailText.lines(text, width: 76 - margin.utf8.count, wordMax: 400).map { margin + $0 }
      for piece in pieces.map({ $0.allSatisfy { $0 == " " } ? "" : $0 }) where piece != "" || result.last != "" {
        result.append(piece)
      }
    }
    while result.first == "" { result.removeFirst() }
    while result.last == "" { result.removeLast() }
    return result.isEmpty ? "" : result.joined(separator: "\n") + "\n"
  }

  private static func words(_ error: any Error) -> String {
    switch error as? MustacheTemplate.Error {
    case .sectionCloseNameIncorrect: "a section is closed under another name than it was opened with"
    case .unfinishedName: "a tag is not closed: «}}» is missing"
    case .expectedSectionEnd: "a section is not closed"
    default: "it is not understood"
    }
  }
}

/// Why a template is not taken.
package struct NoticeTemplateFault: Error, Sendable, Hashable, CustomStringConvertible {
  /// A sentence without a full stop.
  package let description: String

  init(_ description: String) { self.description = description }
}

/// What a template may say, checked before it is taken: a misspelt name would be an empty place in every notice.
private enum TagCheck {
  static let names: Set = [
    "node", "id", "subject", "accepted", "until", "count", "several", "whole", "recipients",
  ]
  static let recipientNames: Set = [
    "address", "explanation", "attempts", "tried", "often", "last_attempt", "server", "reply",
  ]

  static func run(_ text: String) throws(NoticeTemplateFault) {
    var open: [String] = []
    var names: Set<String> = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      for part in line.components(separatedBy: "{{").dropFirst() {
        guard let end = part.range(of: "}}") else {
          throw NoticeTemplateFault("line \(number + 1): a tag is not closed: «}}» is missing")
        }
        do throws(NoticeTemplateFault) {
          try tag(part[..<end.lowerBound], &open, &names)
        } catch {
          throw NoticeTemplateFault("line \(number + 1): \(error)")
        }
      }
    }
    guard names.contains("address") else {
      throw NoticeTemplateFault("it must name the recipients: {{#recipients}} {{address}} {{/recipients}}")
    }
  }

  private static func tag(_ tag: Substring, _ open: inout [String], _ used: inout Set<String>)
    throws(NoticeTemplateFault)
  {
    let trimmed = tag.trimmingCharacters(in: CharacterSet(charactersIn: "{} \t"))
    guard let sigil = trimmed.first else { throw NoticeTemplateFault("a tag is empty") }
    if sigil == "!" { return }
    let name = "#^/&".contains(sigil) ? trimmed.dropFirst().trimmingCharacters(in: .whitespaces) : trimmed
    if sigil == "/" {
      guard open.popLast() == name else {
        throw NoticeTemplateFault("{{/\(name)}} closes another section than the one that is open")
      }
      return
    }
    let isInside = open.contains("recipients")
    guard names.contains(name) || isInside && recipientNames.contains(name) else {
      if recipientNames.contains(name) {
        throw NoticeTemplateFault("{{\(name)}} is known between {{#recipients}} and {{/recipients}} only")
      }
      let known = names.union(recipientNames).sorted().joined(separator: ", ")
      throw NoticeTemplateFault("there is no {{\(name)}}; known are \(known)")
    }
    // A list within itself multiplies.
    if name == "recipients", isInside { throw NoticeTemplateFault("{{#recipients}} stands within itself") }
    if sigil == "#" || sigil == "^" { open.append(name) } else { used.insert(name) }
  }
}

/// What may come: every template is tried with each before it is taken.
enum NoticeSample {
  static var all: [[String: Any]] { [full, bare] }

  private static var bare: [String: Any] {
    [
      "node": "mail.example.org", "id": "01KB", "accepted": "1", "until": "2", "count": 1, "several": false,
      "whole": false, "recipients": [["address": "bob@example.org", "attempts": 0, "tried": false, "often": false]],
    ]
  }

  private static var full: [String: Any] {
    let recipient: [String: Any] = [
      "address": "bob@example.org", "explanation": "Why.", "attempts": 7, "tried": true, "often": true,
      "last_attempt": "3", "server": "mx.example.org", "reply": "550 no",
    ]
    return bare.merging(
      ["subject": "Hello", "count": 2, "several": true, "whole": true, "recipients": [recipient, recipient]]
    ) { $1 }
  }
}
