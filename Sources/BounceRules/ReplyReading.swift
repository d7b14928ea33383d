internal import MailModel

/// One reply while it is judged.
struct ReplyReading {
  /// What is beyond says nothing that a server wanted to be read; the bound keeps hostile replies cheap.
  static let sizeMax = 8192
  static let linesMax = 128
  /// Guessing charsets costs more; what servers say in other languages is short.
  static let charsetMax = 4096

  private let lines: [[UInt8]]
  private let wording: Wording
  private let code: Int?
  private let status: EnhancedStatus?
  private let situation: BounceSituation
  private let prefix: String

  init(_ reply: Reply, _ situation: BounceSituation) {
    var size = 0
    let lines = reply.lines.prefix(Self.linesMax).prefix { line in
      defer { size += line.count }
      return size < Self.sizeMax
    }.map { Array($0.prefix(Self.sizeMax)) }
    self.init(lines, situation, code: reply.code, status: reply.enhanced)
  }

  init(_ text: [UInt8], _ situation: BounceSituation) {
    let lines = text.prefix(Self.sizeMax).split(separator: 10, maxSplits: Self.linesMax)
      .map { $0.last == 13 ? Array($0.dropLast()) : Array($0) }
    self.init(lines, situation, code: nil, status: nil)
  }

  private init(_ lines: [[UInt8]], _ situation: BounceSituation, code: Int?, status: EnhancedStatus?) {
    self.lines = lines
    self.situation = situation
    let names = [situation.mxHost, situation.destinationDomain].compactMap { $0.map { Array($0.lowercased().utf8) } }
    wording = Wording(lines: Self.unified(lines)[...].map { $0[...] }, names: names)
    self.code = code.map { $0 >= 400 ? $0 : nil } ?? wording.foundCode
    let found = status ?? wording.foundStatus
    self.status = found?.kind == 2 ? nil : found
    prefix = code.map { code in "\(code) " + (status.map { "\($0) " } ?? "") } ?? ""
  }

  /// Each line in UTF-8. The charset is that of the whole: a short line tells too little.
  private static func unified(_ lines: [[UInt8]]) -> [[UInt8]] {
    if lines.allSatisfy({ $0.allSatisfy { $0 < 0x80 && $0 != 0x1B } }) { return lines }
    let whole = Charset.unified(Array(lines.joined(separator: [10]).prefix(charsetMax)))
    return whole.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
  }

  /// A measure of the work done that does not depend on the machine.
  var steps: Int { wording.steps + RuleBook.standard.read(wording.bytes).steps }

  func judge() -> BounceInfo {
    if let info = beforeMail() { return info }
    let finding = RuleBook.standard.read(wording.bytes)
    let byStatus = status.flatMap { StatusRules.meaning(of: $0) }
    // 5.2.2 is a promise to retry: no wording takes it back.
    if let byStatus, byStatus.category == .mailboxFull, byStatus.isPrecise { return info(byStatus) }
    if let (rule, end) = RuleBook.standard.decide(finding, .firm, code: code, stage: situation.stage) {
      return info(rule, end)
    }
    if let byStatus, byStatus.isPrecise { return info(byStatus) }
    if let (rule, end) = RuleBook.standard.decide(finding, .vague, code: code, stage: situation.stage) {
      return info(rule, end)
    }
    if let stage = situation.stage, [.connect, .greeting, .hello, .route].contains(stage), code != 521, code != 556 {
      return info(.blocklist, .connectionRefused, rule: "stage.\(stage.name)")
    }
    if let byStatus { return info(byStatus) }
    return info(CodeRules.meaning(of: code))
  }

  /// Refusals that say nothing about the message: of our login at a relay, and of TLS.
  private func beforeMail() -> BounceInfo? {
    guard let code else { return nil }
    switch situation.stage {
    case .login: return info(.auth, .login, rule: "stage.login", action: .retry)
    case .mail where [530, 534, 535, 538].contains(code):
      return info(.auth, .login, rule: "stage.login", action: .retry)
    case .tls: return info(.tls, nil, rule: "stage.tls", action: .retry)
    default: return nil
    }
  }

  private func info(_ rule: BounceRule, _ end: Int) -> BounceInfo {
    info(
      rule.category, rule.detail, rule: rule.id, action: rule.action, line: wording.line(of: end),
      isFirm: rule.weight == .firm)
  }

  private func info(_ meaning: StatusMeaning) -> BounceInfo {
    info(meaning.category, meaning.detail, rule: meaning.id, action: meaning.action)
  }

  private func info(
    _ category: BounceCategory, _ detail: BounceDetail?, rule: String, action: BounceAction? = nil, line: Int? = nil,
    isFirm: Bool = false
  ) -> BounceInfo {
    let (detail, concernsUs) = weighed(category, detail)
    var action = decided(category, detail, action, isFirm: isFirm)
    if action == .slowdown, !concernsUs { action = .retry }
    return BounceInfo(
      action: action, category: category, detail: detail,
      status: BounceInfo.status(status, category, detail, action), line: text(line ?? lineOfCode), rule: rule)
  }

  /// Which address a list names: ours, or somebody else's (an earlier hop's, a link's).
  private func weighed(_ category: BounceCategory, _ detail: BounceDetail?) -> (BounceDetail?, concernsUs: Bool) {
    guard category == .blocklist, detail == nil || detail == .addressListed, let ours = situation.ourAddress,
      !wording.addresses.isEmpty
    else { return (detail, true) }
    if wording.addresses.contains(where: { $0.elementsEqual(ours.utf8) }) { return (.addressListed, true) }
    return ours.contains(":") ? (detail, true) : (.otherAddressListed, false)
  }

  private func decided(_ category: BounceCategory, _ detail: BounceDetail?, _ own: BounceAction?, isFirm: Bool)
    -> BounceAction
  {
    let usual = own ?? BounceInfo.action(category, detail)
    let isTransient = code.map { $0 < 500 } ?? (status?.kind == 4)
    if isTransient { return usual == .reject ? BounceInfo.transientAction(category) : usual }
    // 5yz with 4.x.x contradicts itself: not known to be permanent, unless the wording is clear.
    if usual == .reject, code != nil, status?.kind == 4, !isFirm { return .retry }
    // Nothing at all says that it is permanent.
    if usual == .reject, category == .other, code == nil, status == nil { return .retry }
    return usual
  }

  private var lineOfCode: Int { 0 }

  private func text(_ line: Int) -> String {
    guard line < lines.count else { return prefix.isEmpty ? "" : String(prefix.dropLast()) }
    let text = String(decoding: lines[line].prefix(1000).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    return text.isEmpty ? String(prefix.dropLast()) : prefix + text
  }
}
