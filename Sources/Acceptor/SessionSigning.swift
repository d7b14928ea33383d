import Logging
import MailModel
import MailQueue
import NIOCore
import Observability

/// The last step before the queue.
extension SubmissionHandler {
  /// Signs the message if it is to be signed, and queues it.
  ///
  /// Mail of a domain with keys never goes out without a signature: where they cannot be had the client comes again.
  /// - Parameter ended: when the last of the content had come.
  func sign(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, since ended: NIODeadline
  ) {
    guard let signature = collector.signature, let signer = environment.signer, let eventLoop = context?.eventLoop
    else { return enqueue(collector, content, envelope, since: ended) }
    let time = Int64(environment.unixMilliseconds / 1000)
    signer.sign(signature, at: time, on: eventLoop).assumeIsolated().whenComplete { result in
      // After a time-out, or without a client, nobody waits for the message any more.
      guard self.collector === collector, self.wait == .queue else { return }
      switch result {
      case .success(let fields):
        self.enqueue(collector, content.prefixed(by: fields), envelope, since: ended)
      case .failure(let error):
        self.collector = nil
        self.environment.logger.error(
          "message not signed",
          metadata: .fields([.messageID: collector.id, .session: self.sessionID, .reason: "\(error)"]))
        self.messageFinished(
          Reply(451, EnhancedStatus(4, 7, 5), "The message cannot be signed now, please try again later"))
      }
    }
  }
}
