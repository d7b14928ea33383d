import AsyncHTTPClient
package import MailModel
package import MailQueue
package import NIOCore
import NIOHTTP1
package import NIOPosix

/// Asks rspamd about a message, over HTTP. Cancellation ends a request at once.
package struct RspamdClient: Sendable {
  /// Without a path.
  private let url: String
  private let client: HTTPClient

  /// - Parameter url: `http://`, `https://` or `http+unix://`.
  package init(url: String, group: any EventLoopGroup, connectTimeout: TimeAmount = .seconds(5)) {
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: connectTimeout), decompression: .disabled)
    configuration.httpVersion = .http1Only
    // It says at once when nobody listens.
    configuration.connectionPool.retryConnectionEstablishment = false
    // `ScanSlots` bounds them.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1000
    client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  /// Must be called before the last reference goes.
  package func shutdown() async { try? await client.shutdown() }

  /// - Parameters:
  ///   - deadline: when nobody waits any more.
  ///   - threads: where a spill file is read.
  package func scan(_ message: ScannedMessage, until deadline: NIODeadline, reading threads: NIOThreadPool)
    async throws(ScannerFailure) -> SpamVerdict
  {
    var request = HTTPClientRequest(url: url + "/checkv2")
    request.method = .POST
    // One that is kept could have been closed just now, and a message would be put off for nothing.
    request.headers.add(name: "Connection", value: "close")
    for (name, value) in message.headers { request.headers.add(name: name, value: value) }
    request.body = .stream(
      ContentPieces(content: message.content, threads: threads), length: .known(Int64(message.content.size)))
    return try RspamdReply.parse(try await answer(request, until: deadline))
  }

  /// Whether it answers at all.
  /// - Returns: what it calls itself.
  package func ping() async throws(ScannerFailure) -> String {
    do {
      let response = try await client.execute(HTTPClientRequest(url: url + "/ping"), timeout: .seconds(5))
      _ = try await response.body.collect(upTo: RspamdReply.sizeMax)
      guard response.status == .ok else { throw ScannerFailure.refused("HTTP \(response.status.code)") }
      return plainWords((response.headers.first(name: "Server") ?? "rspamd").utf8)
    } catch {
      throw Self.failure(error)
    }
  }

  private func answer(_ request: HTTPClientRequest, until deadline: NIODeadline) async throws(ScannerFailure) -> [UInt8]
  {
    do {
      let response = try await client.execute(request, deadline: deadline)
      let body = Array((try await response.body.collect(upTo: RspamdReply.sizeMax)).readableBytesView)
      guard response.status == .ok else {
        if response.status == .payloadTooLarge { throw ScannerFailure.tooLarge }
        throw ScannerFailure.refused("HTTP \(response.status.code): \(plainWords(body.prefix(80)))")
      }
      return body
    } catch {
      throw Self.failure(error)
    }
  }

  private static func failure(_ error: any Error) -> ScannerFailure {
    switch error {
    case let failure as ScannerFailure: failure
    case is CancellationError: .timedOut
    case let error as HTTPClientError where error == .deadlineExceeded || error == .cancelled: .timedOut
    case is NIOTooManyBytesError: .garbage("a very long answer")
    default: .unreachable("\(error)")
    }
  }
}

/// A message as scanners see it.
package struct ScannedMessage: Sendable {
  package var id: QueueID
  package var content: MessageContent
  package var envelope: Envelope
  package var tenant: Int64
  /// Who has logged in; for a client of a trusted network its tenant.
  package var user: String
  package var helo: String
  /// nil: not known.
  package var clientAddress: String?
  package var hostName: String

  package init(
    id: QueueID, content: MessageContent, envelope: Envelope, tenant: Int64, user: String, helo: String,
    clientAddress: String?, hostName: String
  ) {
    self.id = id
    self.content = content
    self.envelope = envelope
    self.tenant = tenant
    self.user = user
    self.helo = helo
    self.clientAddress = clientAddress
    self.hostName = hostName
  }

  /// More recipients tell a filter nothing new.
  private static let recipientsMax = 100

  /// What rspamd wants to know besides the content.
  var headers: [(String, String)] {
    var headers = [
      ("Queue-Id", id.description), ("User", user), ("From", envelope.reversePath?.description ?? ""),
      ("Helo", helo), ("MTA-Name", hostName),
    ]
    if let clientAddress { headers.append(("IP", clientAddress)) }
    headers += envelope.recipients.prefix(Self.recipientsMax).map { ("Rcpt", $0.address.description) }
    return headers.map { name, value in
      // A control character would end the field, or the request.
      (name, String(decoding: value.utf8.filter { $0 >= 0x20 && $0 != 0x7F }.prefix(512), as: UTF8.self))
    }
  }
}
