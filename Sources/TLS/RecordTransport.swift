import COpenSSL
import NIOCore

/// Carries TLS records between OpenSSL and NIO's buffers.
///
/// It is a BIO of our own rather than a pair of memory BIOs: those keep, for as long as the connection
/// lives, as much memory as they ever held, and copy each record once more.
final class RecordTransport {
  /// From the peer, not yet read by OpenSSL. It is empty whenever OpenSSL has said that it wants more.
  private var incoming = ByteBuffer()
  /// To the peer, not yet taken.
  private var outgoing: ByteBuffer?

  func receive(_ records: ByteBuffer) {
    if incoming.readableBytes == 0 {
      incoming = records
    } else {
      incoming.writeImmutableBuffer(records)
    }
  }

  /// The number of received bytes that OpenSSL has not seen yet.
  var incomingCount: Int { incoming.readableBytes }
  var outgoingCount: Int { outgoing?.readableBytes ?? 0 }

  /// What has to go to the peer, nil if nothing.
  func takeOutgoing() -> ByteBuffer? {
    defer { outgoing = nil }
    return outgoing
  }

  /// A BIO over this transport, which must outlive it.
  func makeBIO() -> OpaquePointer? {
    guard let method = Self.method, let bio = BIO_new(method.pointer) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  private func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(incoming.readableBytes, target.count)
    guard count > 0 else { return 0 }
    incoming.readWithUnsafeReadableBytes { source in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source.prefix(count)))
      return count
    }
    if incoming.readableBytes == 0 { incoming = ByteBuffer() }
    return count
  }

  private func write(_ bytes: UnsafeRawBufferPointer) {
    if outgoing == nil { outgoing = ByteBuffer() }
    outgoing?.writeBytes(bytes)
  }
}

extension RecordTransport {
  private static func transport(of bio: OpaquePointer?) -> RecordTransport? {
    guard let data = BIO_get_data(bio) else { return nil }
    return Unmanaged<RecordTransport>.fromOpaque(data).takeUnretainedValue()
  }

  /// `@unchecked Sendable`: written once, before anyone else can have it, and only read from then on.
  private struct Method: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// Made once for the process and never freed.
  private static let method: Method? = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records") else { return nil }
    BIO_meth_set_read(method) { bio, bytes, count in
      BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
      guard let transport = RecordTransport.transport(of: bio), let bytes, count > 0 else { return -1 }
      let read = transport.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
      guard read > 0 else {
        // Not the end: the handler will bring more, or tell that the connection has ended.
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return -1
      }
      return Int32(read)
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      guard let transport = RecordTransport.transport(of: bio), let bytes, count > 0 else { return -1 }
      transport.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
      return count
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    return Method(pointer: method)
  }()
}
