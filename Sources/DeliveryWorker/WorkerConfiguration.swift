package import RetryPolicy

/// What a delivery worker needs to know besides its database, router and connections.
package struct WorkerConfiguration: Sendable {
  /// Written into the session and the log.
  package var node: String
  /// Recipients in flight at once.
  package var jobsMax = 1000
  /// As in the client's configuration: twice as many recipients of one destination are never too many.
  package var connectionsPerDestination = 20
  /// How long an idle worker waits before it asks again when nobody wakes it.
  package var pollInterval: Duration = .seconds(1)
  package var heartbeat: Duration = .seconds(5)
  package var lease: Duration = .seconds(30)
  /// How long deliveries under way may take to end after a request to shut down.
  package var shutdownTimeout: Duration = .seconds(30)
  package var retry: RetrySchedule
  package var sites = SiteConfiguration()
  /// For how long nothing is sent to an address that a mail server has said to be dead, where its tenant has no choice
  /// of its own.
  package var suppressBounces: Duration = .zero
  /// Claims that ended without an outcome, after which a job is delivered alone in a process of its own.
  package var crashesMax: Int16 = 3
  /// Processes of their own at once.
  package var isolatedMax = 2
  /// Runs one job in a process of its own; the arguments of `IsolatedClaim` are added.
  package var isolatedCommand: [String]?

  package init(node: String, retry: RetrySchedule) {
    self.node = node
    self.retry = retry
  }
}
