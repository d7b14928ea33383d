import Blocklists
import Logging
import MailModel
import NIOCore
import Observability
import SMTPWire

/// Clients whose address a block list names.
extension SubmissionHandler {
  /// Asks the lists while the client greets and logs in. Until they answer, and if they do not, the client is as good
  /// as any other.
  func lookUpClient() {
    guard let blocklists = environment.blocklists, !isInbound, let eventLoop = context?.eventLoop else { return }
    let address = clientAddress
    let promise = eventLoop.makePromise(of: ClientBlocklists.Listing?.self)
    promise.completeWithTask { await blocklists.listing(of: address) }
    promise.futureResult.assumeIsolated().whenSuccess { listing in
      guard self.context != nil, let listing else { return }
      self.environment.logger.notice(
        "a client is listed",
        metadata: .fields([
          .session: self.sessionID, .clientAddress: address, .reason: "\(listing.list): \(listing.words)",
        ]))
      self.machine.refusalOfClient = listing.reply
    }
  }
}

extension ClientBlocklists.Listing {
  /// What the client is told.
  fileprivate var reply: Reply {
    let why = words.isEmpty ? "" : ": \(words)"
    return Reply(554, EnhancedStatus(5, 7, 1), "Your address \(address) is listed by \(list)\(why)")
  }
}
