import MailModel

/// The message itself: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030 §2).
extension SubmissionMachine {
  mutating func data() -> SubmissionAction {
    guard let envelope else { return answer(SubmissionReplies.mailFirst) }
    decoder = makeDecoder(isDotTerminated: true)
    phase = .data
    return .beginMessage(envelope, SubmissionReplies.startContent)
  }

  mutating func stepData(
    _ input: UnsafeRawBufferPointer, _ content: (UnsafeRawBufferPointer) -> Void
  ) -> (consumed: Int, action: SubmissionAction?) {
    guard let (consumed, outcome) = decode(input, content) else { return (input.count, nil) }
    switch outcome {
    case nil:
      return (consumed, nil)
    case .fault(let fault):
      refuseMessage(SubmissionReplies.content(fault, line: decoder?.line ?? 1, limits: limits))
      return (consumed, .discardMessage(nil))
    case .irregularEnd:
      let line = decoder?.line ?? 1
      return (consumed, close(after: refusal ?? SubmissionReplies.content(.bare(.lf), line: line, limits: limits)))
    case .end:
      return (consumed, endContent())
    }
  }

  private mutating func endContent() -> SubmissionAction {
    phase = .command
    if let refusal {
      endTransaction()
      return answer(refusal)
    }
    guard var envelope else { return answer(SubmissionReplies.mailFirst) }
    // What counts is what the content is, not what the client says: clients send octets above 127 without
    // BODY=8BITMIME, and say it for plain ASCII, which any server can take.
    envelope.body = decoder?.holdsEightBit == true ? .eightBit : .sevenBit
    phase = .waiting(.queue)
    return .endMessage(envelope)
  }

  private mutating func decode(
    _ input: UnsafeRawBufferPointer, _ content: (UnsafeRawBufferPointer) -> Void
  ) -> (consumed: Int, outcome: DataDecoder.Outcome?)? {
    // Refused content is counted and searched for its end, but not passed on.
    let isWanted = refusal == nil
    return decoder?.decode(input) { if isWanted { content($0) } }
  }

  private func makeDecoder(isDotTerminated: Bool) -> DataDecoder {
    DataDecoder(
      limits: .init(lineLengthMax: limits.lineLengthMax, sizeMax: limits.messageSizeMax),
      isDotTerminated: isDotTerminated)
  }
}

extension SubmissionMachine {
  /// The chunk follows its command at once, so it must be taken even if the command is refused.
  mutating func bdat(_ line: [UInt8]) -> SubmissionAction? {
    let (size, isLast): (Int, Bool)
    do throws(CommandFault) {
      guard case .bdat(let octets, let last) = try CommandParser.parse(.bdat, line) else { return nil }
      (size, isLast) = (octets, last)
    } catch {
      // Without a size nobody knows where the next command begins.
      return close(after: error.reply)
    }
    var refusal = refusalOfTurn(.bdat)
    if refusal == nil, size > limits.messageSizeMax - (decoder?.size ?? 0) {
      refusal = SubmissionReplies.tooLarge(limits.messageSizeMax)
    }
    if let refusal, size > 2 * limits.messageSizeMax { return close(after: refusal) }
    phase = .chunk(Chunk(size: size, remaining: size, isLast: isLast, refusal: refusal))
    guard refusal == nil, decoder == nil, let envelope else {
      return size == 0 && !isLast ? count(nil) : nil
    }
    decoder = makeDecoder(isDotTerminated: false)
    return .beginMessage(envelope, nil)
  }

  mutating func stepChunk(
    _ chunk: Chunk, _ input: UnsafeRawBufferPointer, _ content: (UnsafeRawBufferPointer) -> Void
  ) -> (consumed: Int, action: SubmissionAction?) {
    let taken = min(input.count, chunk.remaining)
    var outcome: DataDecoder.Outcome?
    if chunk.refusal == nil, taken > 0, let decoded = decode(input.part(0..<taken), content) {
      // A fault may stop the decoder early; what it leaves is skipped here.
      outcome = decoded.outcome
    }
    var chunk = chunk
    chunk.remaining -= taken
    phase = .chunk(chunk)
    if chunk.remaining == 0 { return (taken, endChunk(chunk, content)) }
    if case .fault(let fault) = outcome {
      refuseMessage(SubmissionReplies.content(fault, line: decoder?.line ?? 1, limits: limits))
      return (taken, .discardMessage(nil))
    }
    return (taken, nil)
  }

  private mutating func endChunk(
    _ chunk: Chunk, _ content: (UnsafeRawBufferPointer) -> Void
  ) -> SubmissionAction {
    phase = .command
    var fault = decoder?.fault
    if chunk.isLast, chunk.refusal == nil, refusal == nil, fault == nil { fault = decoder?.finish(content: content) }
    let line = decoder?.line ?? 1
    guard
      let reply = chunk.refusal ?? refusal
        ?? fault.map({ SubmissionReplies.content($0, line: line, limits: limits) })
    else {
      return chunk.isLast ? endContent() : .reply(SubmissionReplies.chunkTaken(chunk.size))
    }
    let hadContent = decoder != nil
    if chunk.isLast { endTransaction() } else { spoilTransaction() }
    let action = answer(reply)
    if case .close = action { return action }
    return hadContent ? .discardMessage(reply) : action
  }

  private mutating func spoilTransaction() {
    isSpoiled = envelope != nil
    decoder = nil
    refusal = nil
  }
}
