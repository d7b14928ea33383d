internal import NIOCore

/// The end of a Redis connection's pipeline: bytes in, replies to the link.
final class ReplyHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let link: RedisLink
  private let reader: ReplyReader
  private var failure: RedisError?

  init(link: RedisLink) {
    self.link = link
    reader = ReplyReader(limits: link.configuration.replyLimits)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard failure == nil else { return }
    do throws(RedisError) {
      try read(unwrapInboundIn(data), from: context.channel)
    } catch {
      failure = error
      link.closed(context.channel, because: error)
    }
  }

  private func read(_ buffer: ByteBuffer, from channel: any Channel) throws(RedisError) {
    let taken = buffer.withUnsafeReadableBytes { bytes in Result { () throws(RedisError) in try reader.feed(bytes) } }
    try taken.get()
    while let value = try reader.next() { link.received(value, from: channel) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = failure ?? .connectionLost("\(error)")
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    link.closed(context.channel, because: failure ?? .connectionLost("the server closed it"))
  }
}
