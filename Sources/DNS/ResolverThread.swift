internal import CUnbound
internal import NIOConcurrencyHelpers

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The thread that owns the libunbound context.
///
/// Everything that touches the context happens on this thread, so a result can never arrive while the same look-up
/// is being cancelled. Other threads only put commands in the inbox and write a byte to the wake-up pipe.
final class ResolverThread: @unchecked Sendable {
  // `inbox` and `wake` are shared; all else belongs to the thread once it runs (that is why Sendable is unchecked).
  typealias Completion = @Sendable (DNSAnswer<RecordSet>) -> Void

  enum Command {
    case lookUp(id: UInt64, name: String, type: RecordType, completion: Completion)
    case cancel(id: UInt64)
  }

  struct Inbox {
    var commands: [Command] = []
    var nextID: UInt64 = 1
    var stopped = false
  }

  struct Pending {
    let name: String
    let type: RecordType
    let completion: Completion
    let deadline: ContinuousClock.Instant
    /// nil: it waits for a place.
    var ticket: Ticket?
  }

  /// What libunbound carries through to the callback; kept alive in `tickets` for as long as libunbound may call.
  final class Ticket {
    unowned let thread: ResolverThread
    let id: UInt64
    var asyncID: Int32 = 0
    init(_ thread: ResolverThread, _ id: UInt64) { (self.thread, self.id) = (thread, id) }
  }

  let inbox = NIOLockedValueBox(Inbox())
  let configuration: DNSConfiguration
  let context: OpaquePointer
  let wakeRead: Int32
  let wakeWrite: Int32
  var pending: [UInt64: Pending] = [:]
  var tickets: [UInt64: Ticket] = [:]
  /// Ids in the order of arrival, which is also the order of deadlines; ended ones are skipped when met.
  var order: [UInt64] = []
  var orderStart = 0
  var waiting: [UInt64] = []
  var waitingStart = 0

  private init(_ configuration: DNSConfiguration, _ context: OpaquePointer, pipe: (Int32, Int32)) {
    self.configuration = configuration
    self.context = context
    (wakeRead, wakeWrite) = pipe
  }

  deinit {
    ub_ctx_delete(context)
    close(wakeRead)
    close(wakeWrite)
  }

  static func start(_ configuration: DNSConfiguration) throws(DNSFault) -> ResolverThread {
    let context = try UnboundContext.make(configuration)
    var descriptors: [Int32] = [-1, -1]
    guard pipe(&descriptors) == 0 else {
      ub_ctx_delete(context)
      throw DNSFault(description: "DNS: no pipe: \(String(cString: strerror(errno)))")
    }
    for descriptor in descriptors {
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
    let resolver = ResolverThread(configuration, context, pipe: (descriptors[0], descriptors[1]))
    let argument = Unmanaged.passRetained(resolver).toOpaque()
    #if canImport(Darwin)
      var handle: pthread_t?
    #else
      var handle = pthread_t()
    #endif
    let code = pthread_create(&handle, nil, resolverThreadMain, argument)
    guard code == 0 else {
      Unmanaged<ResolverThread>.fromOpaque(argument).release()
      throw DNSFault(description: "DNS: no thread: \(String(cString: strerror(code)))")
    }
    #if canImport(Darwin)
      if let handle { pthread_detach(handle) }
    #else
      pthread_detach(handle)
    #endif
    return resolver
  }
}

/// The C entry point; it owns one reference to the resolver.
private func resolverThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<ResolverThread>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}

// MARK: From other threads

extension ResolverThread {
  func lookUp(_ name: String, _ type: RecordType) async -> DNSAnswer<RecordSet> {
    let id = inbox.withLockedValue { inbox in
      defer { inbox.nextID += 1 }
      return inbox.nextID
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        submit(.lookUp(id: id, name: name, type: type) { continuation.resume(returning: $0) })
        // The handler may have run before the look-up was in the inbox.
        if Task.isCancelled { submit(.cancel(id: id)) }
      }
    } onCancel: {
      submit(.cancel(id: id))
    }
  }

  func stop() {
    inbox.withLockedValue { $0.stopped = true }
    wake()
  }

  private func submit(_ command: Command) {
    let refused = inbox.withLockedValue { inbox in
      if !inbox.stopped { inbox.commands.append(command) }
      return inbox.stopped
    }
    guard refused else { return wake() }
    if case .lookUp(_, _, _, let completion) = command { completion(.failed("the resolver is shut down")) }
  }

  private func wake() {
    // A full pipe wakes just as well.
    var byte: UInt8 = 1
    _ = write(wakeWrite, &byte, 1)
  }
}
