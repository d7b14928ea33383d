internal import CHiredis
internal import NIOCore

/// A command in the form that goes over the wire, made by hiredis.
func format(_ arguments: [RedisArgument], sizeMax: Int) throws(RedisError) -> ByteBuffer {
  let size = arguments.reduce(0) { $0 + $1.bytes.count }
  guard size <= sizeMax, arguments.count <= sizeMax else { throw .commandTooLarge }
  // hiredis wants a pointer for each argument: into one block that lives while it reads.
  var block: [UInt8] = []
  block.reserveCapacity(size + 1)
  for argument in arguments { block += argument.bytes }
  block.append(0)
  let formatted = block.withUnsafeBytes { bytes in
    formatCommand(bytes.bindMemory(to: CChar.self), lengths: arguments.map(\.bytes.count))
  }
  guard let formatted else { throw .commandTooLarge }
  return formatted
}

private func formatCommand(_ block: UnsafeBufferPointer<CChar>, lengths: [Int]) -> ByteBuffer? {
  var pointers: [UnsafePointer<CChar>?] = []
  var offset = 0
  for length in lengths {
    pointers.append(block.baseAddress.map { $0 + offset })
    offset += length
  }
  var command: UnsafeMutablePointer<CChar>?
  let count = redisFormatCommandArgv(&command, Int32(lengths.count), &pointers, lengths)
  guard count > 0, let command else { return nil }
  defer { redisFreeCommand(command) }
  return ByteBuffer(bytes: UnsafeRawBufferPointer(start: command, count: Int(count)))
}
