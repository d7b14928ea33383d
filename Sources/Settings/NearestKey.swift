/// The candidate that somebody who typed `word` most likely meant; nil when none is near.
func nearest(to word: String, among candidates: [String]) -> String? {
  let lastPart = word.split(separator: ".").last.map(String.init) ?? word
  let scored = candidates.map { candidate -> (name: String, distance: Int) in
    let sameEnd = candidate.split(separator: ".").last.map(String.init) == lastPart
    return (candidate, min(editDistance(word, candidate), sameEnd ? 2 : .max))
  }
  guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
  return best.distance <= max(2, word.count / 4) ? best.name : nil
}

/// Levenshtein: insertions, deletions and replacements. The inputs are short keys; longer ones are far from all.
private func editDistance(_ left: String, _ right: String) -> Int {
  let (a, b) = (Array(left.utf8), Array(right.utf8))
  guard a.count <= 100, b.count <= 100 else { return .max }
  var previous = Array(0...b.count)
  for (row, byte) in a.enumerated() {
    var current = [row + 1]
    for (column, other) in b.enumerated() {
      current.append(min(previous[column + 1] + 1, current[column] + 1, previous[column] + (byte == other ? 0 : 1)))
    }
    previous = current
  }
  return previous[b.count]
}
