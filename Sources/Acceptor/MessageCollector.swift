import Authorship
import ContentScan
import Limits
import Logging
import MailFormat
import MailModel
import MailQueue
import NIOCore
import NIOPosix
import Observability
import SMTPWire

/// Takes one message's content as it comes, and makes of it what the queue stores: the header collected up to its
/// limit and rewritten, then the body, in memory or, above a threshold, in a spill file.
///
/// Bound to one event loop. While a write to the file is under way (`isBusy`) nothing may be appended: the session
/// stops reading, so that at most the threshold and one read are held.
final class MessageCollector {
  let id: QueueID
  let started = NIODeadline.now()
  private let environment: SessionEnvironment
  private let received: ReceivedFacts?
  private let tenant: Int64?
  private let senders: SenderScope?
  private let author: MailAddress?
  private var judge: HeaderJudge
  /// nil while the header comes in, and when nothing is checked.
  private var structure: BodyStructure?
  /// nil once it has been rewritten into `content`.
  private var header: [UInt8]? = []
  private var headerScanned = 0
  private var content = ByteBuffer()
  private var file: SpillFile?
  private(set) var isBusy = false
  /// nil while the header comes in, and for a message that is not to be signed.
  private(set) var signature: SignatureInProgress?
  /// Of everybody whom the header names as its author or sender; empty where that is not looked at.
  private(set) var authorDomains: Set<String> = []
  /// Goes with the message: without it the message is not counted any more.
  var reservation: Reservation?
  /// What content scanners found; nil: none was asked, or not yet.
  var scan: ScanDecision?
  /// Ends with the collector: nobody waits for it any more.
  var scanInProgress: ScanInProgress?
  /// Why the message cannot be taken; what follows is thrown away.
  private(set) var refusal: Reply?

  /// - Parameters:
  ///   - received: what the message's new header says; nil: the message stays as it is.
  ///   - tenant: whose keys sign it; nil: it is not signed.
  ///   - senders: whom `From` and `Sender` may name; nil: anybody.
  ///   - author: who the message is from when it does not say so itself.
  ///   - allowsUTF8: the client said SMTPUTF8.
  init(
    id: QueueID, received: ReceivedFacts?, tenant: Int64? = nil, senders: SenderScope? = nil,
    author: MailAddress? = nil, allowsUTF8: Bool = false, environment: SessionEnvironment
  ) {
    judge = HeaderJudge(environment.configuration.checks, allowsUTF8: allowsUTF8)
    self.senders = senders
    self.author = author
    if received == nil { header = nil }
    self.id = id
    self.received = received
    self.tenant = tenant
    self.environment = environment
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard refusal == nil else { return }
    guard header != nil else {
      return take(bytes)
    }
    header?.append(contentsOf: bytes)
    if let end = headerEnd() {
      rewriteHeader(upTo: end)
    } else if headerScanned > environment.configuration.headerSizeMax {
      refuse(
        Reply(
          552, EnhancedStatus(5, 3, 4),
          "The message header is larger than \(environment.configuration.headerSizeMax) bytes"))
    }
  }

  /// Takes what comes behind the header.
  private func take(_ bytes: UnsafeRawBufferPointer) {
    structure?.update(bytes)
    if let refusal = structure?.refusal { return refuse(refusal) }
    content.writeBytes(bytes)
    signature?.update(bytes)
  }

  /// Behind the blank line, when it has come. An empty header is a blank line at once.
  private func headerEnd() -> Int? {
    guard let header else { return nil }
    return header.withUnsafeBytes { bytes in
      var at = max(headerScanned - 3, 0)
      headerScanned = bytes.count
      while let lf = bytes[at...].firstIndex(of: 0x0A) {
        // Only CRLF gets this far, so an LF is a line's end and the octet before it a CR.
        if lf == 1 || (lf >= 3 && bytes[lf - 2] == 0x0A) { return lf + 1 }
        at = lf + 1
      }
      return nil
    }
  }

  private func rewriteHeader(upTo end: Int) {
    guard let collected = header, let received else { return }
    header = nil
    let configuration = environment.configuration
    var check = senders.map { AuthorCheck($0, author: author) }
    do throws(HeaderFault) {
      let rewritten = try rewriteSubmissionHeader(
        end == collected.count ? collected : Array(collected[..<end]), received: received,
        messageIDDomain: configuration.hostName,
        limits: HeaderLimits(
          sizeBytesMax: configuration.headerSizeMax, receivedCountMax: configuration.receivedCountMax,
          lineBytesMax: configuration.limits.lineLengthMax), author: author,
        without: environment.scanning == nil ? [ScanDecision.traceName] : ScanDecision.fieldNames, judge: &judge
      ) { field in
        if isName(field.name, "from") {
          check?.takeFrom(field.body, isPlain: field.isPlain)
        } else if isName(field.name, "sender") {
          check?.takeSender(field.body, isPlain: field.isPlain)
        }
      }
      if let refusal = check?.refusal { return refuse(refusal) }
      authorDomains = check?.domains ?? []
      content.reserveCapacity(rewritten.count + collected.count - end)
      content.writeBytes(rewritten)
      beginSignature(rewritten)
      structure = judge.structure
      rewritten.suffix(judge.gluedSize).withUnsafeBytes { structure?.update($0) }
      collected[end...].withUnsafeBytes { take($0) }
    } catch {
      // Whose a message says it is comes before how it is written.
      refuse(check?.refusalOfFields ?? error.reply)
    }
  }

  /// - Parameter rewritten: the header, and what of the body had come without a blank line before it.
  private func beginSignature(_ rewritten: [UInt8]) {
    guard let tenant, let signature = environment.signer?.begin(rewritten, tenant: tenant) else { return }
    rewritten[signature.headerSize...].withUnsafeBytes { signature.update($0) }
    self.signature = signature
  }

  private func refuse(_ reply: Reply) {
    refusal = reply
    header = nil
    signature = nil
    structure = nil
    content = ByteBuffer()
    file = nil
  }
}

extension MessageCollector {
  /// Whether enough has gathered to be written to the file.
  var wantsSpill: Bool {
    !isBusy && refusal == nil && content.readableBytes > environment.configuration.spillThreshold
  }

  /// Writes what is in memory to the file, on a thread where that may block.
  func spill(on eventLoop: any EventLoop) -> EventLoopFuture<Void>.Isolated {
    isBusy = true
    let chunk = content
    content = ByteBuffer()
    let (file, directory) = (file, environment.configuration.spoolDirectory)
    let written = environment.fileThreads.runIfActive(eventLoop: eventLoop) {
      let file = try file ?? SpillFile(directory: directory)
      try chunk.withUnsafeReadableBytes { try file.append($0) }
      return file
    }
    return written.assumeIsolated().map { self.finishSpill(with: $0) }.recover { self.failSpill($0) }
  }

  private func finishSpill(with file: SpillFile) {
    isBusy = false
    // A message that was refused meanwhile keeps nothing.
    if refusal == nil { self.file = file }
  }

  private func failSpill(_ error: any Error) {
    isBusy = false
    environment.logger.error("spilling a message failed", metadata: .fields([.messageID: id, .reason: "\(error)"]))
    let isFull = (error as? SpillFailure)?.isDiskFull ?? false
    refuse(
      isFull
        ? Reply(452, EnhancedStatus(4, 3, 1), "Insufficient storage, please try again later")
        : Reply(451, EnhancedStatus(4, 3, 0), "Local trouble, please try again later"))
  }

  /// Ends the content; not while `isBusy`.
  func finish(on eventLoop: any EventLoop) -> EventLoopFuture<MessageContent?>.Isolated {
    if let header { rewriteHeader(upTo: header.count) }
    endStructure()
    guard file != nil, refusal == nil, content.readableBytes > 0 else {
      return eventLoop.makeSucceededFuture(result).assumeIsolated()
    }
    return spill(on: eventLoop).map { self.result }
  }

  /// Adds the closing delimiters that are missing.
  private func endStructure() {
    guard refusal == nil, let tail = structure?.finish() else { return }
    if let refusal = structure?.refusal { return refuse(refusal) }
    structure = nil
    tail.withUnsafeBytes { take($0) }
  }

  private var result: MessageContent? {
    guard refusal == nil else { return nil }
    return file.map { .spilled($0) } ?? .memory(content)
  }
}
