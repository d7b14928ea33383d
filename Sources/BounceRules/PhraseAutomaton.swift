/// Finds all of many patterns in one pass over a text (Aho and Corasick, 1975), as a complete table: one step for each
/// byte, whatever the text is.
struct PhraseAutomaton: Sendable {
  /// The column of each byte; all bytes that no pattern has share column 0.
  private let columns: [UInt8]
  private let width: Int
  /// By state and column.
  private let next: [UInt16]
  /// The pattern that ends in a state, plus 1.
  private let ending: [UInt16]
  /// The state of the longest proper suffix that is a pattern, or 0.
  private let shorter: [UInt16]

  /// - Parameter patterns: all different, none empty, together fewer than 65,000 bytes.
  init(_ patterns: [[UInt8]]) {
    var columns = [UInt8](repeating: 0, count: 256)
    var width = 1
    for byte in patterns.joined() where columns[Int(byte)] == 0 {
      columns[Int(byte)] = UInt8(width)
      width += 1
    }
    var next = [UInt16](repeating: 0, count: width)
    var ending: [UInt16] = [0]
    for (index, pattern) in patterns.enumerated() {
      var state = 0
      for byte in pattern {
        let place = state * width + Int(columns[Int(byte)])
        if next[place] == 0 {
          next[place] = UInt16(ending.count)
          ending.append(0)
          next.append(contentsOf: repeatElement(0, count: width))
        }
        state = Int(next[place])
      }
      ending[state] = UInt16(index + 1)
    }
    (self.columns, self.width, self.ending) = (columns, width, ending)
    (self.next, shorter) = Self.closed(next, ending: ending, width: width)
  }

  /// Fills in where a mismatch leads, state by state in the order of their depth.
  private static func closed(_ tree: [UInt16], ending: [UInt16], width: Int) -> ([UInt16], [UInt16]) {
    var next = tree
    var failure = [UInt16](repeating: 0, count: ending.count)
    var shorter = failure
    var queue = next[..<width].filter { $0 != 0 }
    var head = 0
    while head < queue.count {
      let state = Int(queue[head])
      head += 1
      let back = Int(failure[state])
      shorter[state] = ending[back] != 0 ? UInt16(back) : shorter[back]
      for column in 0..<width {
        let child = Int(next[state * width + column])
        let fallback = next[back * width + column]
        if child == 0 {
          next[state * width + column] = fallback
        } else {
          failure[child] = fallback
          queue.append(UInt16(child))
        }
      }
    }
    return (next, shorter)
  }

  /// Calls back for each pattern that ends, with its number and the place of its last byte.
  func scan(_ text: [UInt8], at found: (_ pattern: Int, _ end: Int) -> Void, after byte: (UInt8, Int) -> Void) {
    var state = 0
    for index in text.indices {
      state = Int(next[state * width + Int(columns[Int(text[index])])])
      byte(text[index], index)
      var hit = ending[state] != 0 ? state : Int(shorter[state])
      while hit != 0 {
        found(Int(ending[hit]) - 1, index)
        hit = Int(shorter[hit])
      }
    }
  }
}
