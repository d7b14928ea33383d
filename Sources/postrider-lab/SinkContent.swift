import Foundation
import NIOCore
import NIOPosix

/// Where files are written, so that a slow disk does not hold up the other sessions.
struct NIOThreadPoolBox: Sendable {
  let pool: NIOThreadPool
}

extension SinkSession {
  private static let bodySizeMax = 256 * 1_048_576

  /// Takes lines of a message up to the final dot.
  /// - Returns: false when more input is needed.
  func takeData(_ context: ChannelHandlerContext) -> Bool {
    while let line = takeDataLine() {
      if line == [0x2E, 0x0D, 0x0A] {
        mode = .command
        finish(context)
        return true
      }
      // RFC 5321 §4.5.2: one leading dot is transparency.
      body += line.first == 0x2E ? line.dropFirst() : line[...]
      guard body.count <= Self.bodySizeMax else {
        context.close(promise: nil)
        return false
      }
    }
    return false
  }

  /// A line up to and including CRLF; a bare LF or CR does not end it.
  private func takeDataLine() -> [UInt8]? {
    let view = input.readableBytesView
    var start = view.startIndex
    while let newline = view[start...].firstIndex(of: 0x0A) {
      if newline > view.startIndex, view[newline - 1] == 0x0D {
        let line = Array(view[view.startIndex...newline])
        input.moveReaderIndex(forwardBy: line.count)
        return line
      }
      start = newline + 1
    }
    return nil
  }

  /// Takes a BDAT chunk (RFC 3030 §2).
  func takeChunk(_ context: ChannelHandlerContext, _ missing: Int, isLast: Bool) -> Bool {
    let available = min(missing, input.readableBytes)
    if let bytes = input.readBytes(length: available) { body += bytes }
    guard available == missing else {
      mode = .chunk(missing - available, isLast: isLast)
      return false
    }
    mode = .command
    guard let transaction, !transaction.rcptTo.isEmpty else {
      forget()
      reply(context, "503 5.5.1 MAIL and RCPT first")
      return true
    }
    if isLast {
      finish(context)
    } else {
      answer(context, .bdat, transaction.rcptTo, "250 2.0.0 chunk taken") { _ in }
    }
    return true
  }

  /// The whole message is here: the script decides, it is stored, then the client hears.
  private func finish(_ context: ChannelHandlerContext) {
    guard var done = transaction else { return forget() }
    done.sizeBytes = body.count
    done.stage = "dot"
    (done.bareCr, done.bareLf) = Self.bareLineEnds(body)
    transaction = nil
    let content = body
    body = []
    let rule = facts.rules.take(.dot, subjects: done.rcptTo, listen: localAddress)
    let usual = "250 2.0.0 taken"
    let text = rule?.raw ?? (rule?.silent == true ? "" : SinkReply.wire(rule?.reply ?? usual))
    let isTaken = text.hasPrefix("2") || rule?.store == true
    isBusy = true
    let wire = text
    let promise = context.eventLoop.makePromise(of: Bool.self)
    store(content, done, isTaken: isTaken, reply: text.isEmpty ? nil : text, promise)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let (delay, then) = (rule?.delay ?? .zero, rule?.then ?? .goOn)
    promise.futureResult.hop(to: context.eventLoop).whenComplete { result in
      let isStored = (try? result.get()) ?? false
      let text = isTaken && !isStored ? "451 4.3.0 cannot store the message\r\n" : wire
      let (session, context) = bound.value
      if isStored { session.delivered += 1 }
      context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
        let (session, context) = bound.value
        session.isBusy = false
        session.conclude(context, text, then)
      }
    }
  }

  private func store(
    _ content: [UInt8], _ envelope: CapturedEnvelope, isTaken: Bool, reply: String?,
    _ promise: EventLoopPromise<Bool>
  ) {
    let capture = facts.capture
    let report = facts.report
    facts.files.pool.submit { _ in
      var envelope = envelope
      envelope.receivedAt = Date().timeIntervalSince1970
      envelope.reply = reply?.trimmingCharacters(in: .whitespacesAndNewlines)
      var isStored = false
      if isTaken {
        do {
          envelope.number = try capture.store(content, envelope: envelope)
          isStored = true
          report("\(envelope.number): <\(envelope.mailFrom)> to \(envelope.rcptTo.joined(separator: ", "))")
        } catch {
          report("cannot store a message: \(error)")
        }
      }
      capture.note(envelope)
      promise.succeed(isStored)
    }
  }

  private func conclude(_ context: ChannelHandlerContext, _ text: String, _ then: Aftermath) {
    guard context.channel.isActive else { return }
    say(context, text, 0, then) { _ in }
    work(context)
  }

  private static func bareLineEnds(_ bytes: [UInt8]) -> (cr: Int, lf: Int) {
    var (cr, lf) = (0, 0)
    for index in bytes.indices {
      if bytes[index] == 0x0D, index + 1 == bytes.count || bytes[index + 1] != 0x0A { cr += 1 }
      if bytes[index] == 0x0A, index == 0 || bytes[index - 1] != 0x0D { lf += 1 }
    }
    return (cr, lf)
  }
}
