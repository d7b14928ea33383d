internal import CHiredis

/// Makes replies of bytes with hiredis' reader, within limits.
///
/// hiredis would allocate whatever a length or a count announces, so the objects of a reply are made here
/// (`redisReplyObjectFunctions`), where each one is counted before it exists. After an error the reader is dead.
final class ReplyReader {
  /// nil: there was no memory for it.
  private let reader: UnsafeMutablePointer<redisReader>?
  private let assembly: ReplyAssembly

  init(limits: RedisReplyLimits) {
    assembly = ReplyAssembly(limits: limits)
    reader = redisReaderCreateWithFunctions(replyFunctions)
    // Not retained: the assembly lives as long as this object, which frees the reader.
    reader?.pointee.privdata = Unmanaged.passUnretained(assembly).toOpaque()
  }

  deinit {
    if let reader { redisReaderFree(reader) }
  }

  /// Takes over what has arrived.
  func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
    guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
    guard let reader, redisReaderFeed(reader, start, bytes.count) == REDIS_OK else {
      throw .protocolViolation("no memory for the reply")
    }
  }

  /// The next whole reply, or nil until more has arrived.
  func next() throws(RedisError) -> RedisValue? {
    guard let reader else { return nil }
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &reply) == REDIS_OK else {
      throw .protocolViolation(assembly.fault ?? errorText(of: reader))
    }
    guard let reply else {
      try checkUnread(of: reader)
      return nil
    }
    assembly.reset()
    // A number instead of an address stands for a type of RESP 3 that we have no function for.
    guard isObject(reply) else { throw .protocolViolation("a type of reply that was not asked for") }
    return Unmanaged<ReplyNode>.fromOpaque(reply).takeRetainedValue().value
  }

  /// What is read but not understood yet is memory too; and each new packet makes hiredis look for a line's end anew.
  private func checkUnread(of reader: UnsafeMutablePointer<redisReader>) throws(RedisError) {
    let unread = Int(reader.pointee.len) - Int(reader.pointee.pos)
    let limits = assembly.limits
    if unread + assembly.sizeBytes > limits.sizeBytesMax { throw .protocolViolation("the reply is too large") }
    // Bytes of a known length wait behind a line that says so.
    guard unread > limits.lineLengthMax, let start = reader.pointee.buf?.advanced(by: Int(reader.pointee.pos)) else {
      return
    }
    let line = UnsafeRawBufferPointer(start: start, count: limits.lineLengthMax)
    if !line.contains(UInt8(ascii: "\n")) { throw .protocolViolation("a line of the reply is too long") }
  }

  private func errorText(of reader: UnsafeMutablePointer<redisReader>) -> String {
    withUnsafeBytes(of: &reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// Counts what the reply in hand has cost so far.
private final class ReplyAssembly {
  let limits: RedisReplyLimits
  private(set) var sizeBytes = 0
  private var elements = 0
  private(set) var fault: String?

  init(limits: RedisReplyLimits) { self.limits = limits }

  func reset() { (sizeBytes, elements) = (0, 0) }

  func admits(bytes: Int = 0, elements more: Int = 0) -> Bool {
    // Neither can overflow: both are bounded before the sum.
    guard bytes <= limits.sizeBytesMax, more <= limits.elementsMax else { return refuse("the reply is too large") }
    sizeBytes += bytes
    elements += more
    guard sizeBytes <= limits.sizeBytesMax else { return refuse("the reply is too large") }
    guard elements <= limits.elementsMax else { return refuse("the reply has too many elements") }
    return true
  }

  private func refuse(_ reason: String) -> Bool {
    fault = reason
    return false
  }
}

/// A reply under construction: hiredis holds the outermost one, each other belongs to the one around it.
private final class ReplyNode {
  private let leaf: RedisValue?
  private var children: [ReplyNode] = []

  init(leaf: RedisValue?) { self.leaf = leaf }

  func append(_ child: ReplyNode) { children.append(child) }

  var value: RedisValue { leaf ?? .array(children.map(\.value)) }
}

/// Lives as long as the process; hiredis only reads it.
nonisolated(unsafe) private let replyFunctions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
  var functions = redisReplyObjectFunctions()
  functions.createString = { task, bytes, count in makeString(task, bytes, Int(count)) }
  // The count's type differs between versions of hiredis.
  functions.createArray = { task, count in
    place(ReplyNode(leaf: nil), task, elements: Int(exactly: count) ?? .max)
  }
  functions.createInteger = { task, number in place(ReplyNode(leaf: .integer(Int64(number))), task) }
  functions.createNil = { task in place(ReplyNode(leaf: .null), task) }
  functions.freeObject = { object in
    if let object, isObject(object) { Unmanaged<ReplyNode>.fromOpaque(object).release() }
  }
  let pointer = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
  pointer.initialize(to: functions)
  return pointer
}()

private func isObject(_ pointer: UnsafeMutableRawPointer) -> Bool { UInt(bitPattern: pointer) > 4096 }

private func makeString(
  _ task: UnsafePointer<redisReadTask>?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int
) -> UnsafeMutableRawPointer? {
  guard let task, assembly(of: task).admits(bytes: count) else { return nil }
  let content = UnsafeRawBufferPointer(start: bytes, count: count)
  let leaf: RedisValue =
    switch task.pointee.type {
    case REDIS_REPLY_STATUS: .status(String(decoding: content, as: UTF8.self))
    case REDIS_REPLY_ERROR: .refusal(RedisRefusal(String(decoding: content, as: UTF8.self)))
    default: .bytes(Array(content))
    }
  return place(ReplyNode(leaf: leaf), task)
}

/// Hands an object to the one around it, or to hiredis when it is the outermost.
private func place(
  _ node: ReplyNode, _ task: UnsafePointer<redisReadTask>?, elements: Int = 0
) -> UnsafeMutableRawPointer? {
  guard let task, assembly(of: task).admits(elements: elements) else { return nil }
  guard let parent = task.pointee.parent?.pointee.obj else { return Unmanaged.passRetained(node).toOpaque() }
  Unmanaged<ReplyNode>.fromOpaque(parent).takeUnretainedValue().append(node)
  return Unmanaged.passUnretained(node).toOpaque()
}

private func assembly(of task: UnsafePointer<redisReadTask>) -> ReplyAssembly {
  Unmanaged<ReplyAssembly>.fromOpaque(task.pointee.privdata).takeUnretainedValue()
}
