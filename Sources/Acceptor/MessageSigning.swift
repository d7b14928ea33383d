package import Admission
import Cryptography
import DKIM
import NIOCore
package import NIOPosix

/// Signs messages (DKIM) between their last octet and the queue: with the keys of the author's domain, if it is one of
/// the tenant's and has keys.
///
/// The signatures take about half a millisecond of computing. They are made on threads of their own, so that the sessions that
/// share an event loop with them do not wait.
package final class MessageSigner: Sendable {
  private let keys: SigningKeys
  private let threads: NIOThreadPool

  /// - Parameter threads: started; as many as there are cores.
  package init(keys: SigningKeys, threads: NIOThreadPool) {
    self.keys = keys
    self.threads = threads
  }

  /// - Returns: nil when the message is not to be signed.
  func begin(_ header: [UInt8], tenant: Int64) -> SignatureInProgress? {
    // A header that has been taken is a header.
    guard let header = try? SigningHeader(header), let domain = header.authorDomain,
      keys.remembered(tenant, domain)?.isEmpty != true
    else { return nil }
    return SignatureInProgress(header: header, tenant: tenant, domain: domain)
  }

  /// - Returns: the fields that belong in front of the message; empty: it is not signed. Fails with
  ///   `SigningKeysFailure` or `CryptographyFailure`.
  func sign(_ signature: SignatureInProgress, at unixSeconds: Int64, on eventLoop: any EventLoop)
    -> EventLoopFuture<[UInt8]>
  {
    let request = signature.finish()
    if let known = keys.remembered(request.tenant, request.domain) {
      return sign(request, known, unixSeconds, eventLoop)
    }
    let promise = eventLoop.makePromise(of: [DomainKey].self)
    promise.completeWithTask { [keys] in try await keys.find(request.tenant, request.domain).get() }
    return promise.futureResult.flatMap { self.sign(request, $0, unixSeconds, eventLoop) }
  }

  private func sign(
    _ request: SigningRequest, _ keys: [DomainKey], _ unixSeconds: Int64, _ eventLoop: any EventLoop
  ) -> EventLoopFuture<[UInt8]> {
    guard !keys.isEmpty else { return eventLoop.makeSucceededFuture([]) }
    return threads.runIfActive(eventLoop: eventLoop) {
      try request.header.signatureFields(bodyHash: request.bodyHash, keys: keys, time: unixSeconds)
    }
  }
}

/// A message whose header is there and whose body comes in. Bound to one event loop.
final class SignatureInProgress {
  private let header: SigningHeader
  private let tenant: Int64
  private let domain: String
  private var body = BodyHasher()

  init(header: SigningHeader, tenant: Int64, domain: String) {
    self.header = header
    self.tenant = tenant
    self.domain = domain
  }

  /// Of what the header was read from, so many octets were header.
  var headerSize: Int { header.size }

  func update(_ bytes: UnsafeRawBufferPointer) { body.update(bytes) }

  func finish() -> SigningRequest {
    SigningRequest(header: header, tenant: tenant, domain: domain, bodyHash: body.finish())
  }
}

/// All that is needed to sign a message, without the message.
struct SigningRequest: Sendable {
  let header: SigningHeader
  let tenant: Int64
  let domain: String
  let bodyHash: [UInt8]
}
