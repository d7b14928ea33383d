import Foundation
import Testing

@Suite struct DialogueTests {
  static let scripts: [URL] = {
    let folder = Bundle.module.resourceURL?.appendingPathComponent("Dialogues")
    let files = folder.flatMap { try? FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil) }
    return (files ?? []).filter { $0.pathExtension == "smtp" }.sorted { $0.path < $1.path }
  }()

  @Test func thereAreScripts() {
    #expect(Self.scripts.count >= 10)
  }

  /// Each script must go the same way however TCP cuts it up.
  @Test(arguments: scripts, [65536, 1, 3])
  func plays(_ script: URL, chunkSize: Int) throws {
    try DialoguePlayer.play(String(contentsOf: script, encoding: .utf8), chunkSize: chunkSize)
  }
}
