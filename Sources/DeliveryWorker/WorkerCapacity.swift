internal import NIOConcurrencyHelpers

/// What the claim loops of one worker have in common: places, what each destination can bear, processes of their own.
final class WorkerCapacity: Sendable {
  let inFlight: InFlight
  let allowances: NIOLockedValueBox<DestinationAllowances>
  let turns: Turns
  private let alarms: [Alarm]

  init(_ configuration: WorkerConfiguration, loops: Int) {
    inFlight = InFlight(limit: configuration.jobsMax, shares: loops)
    allowances = NIOLockedValueBox(
      DestinationAllowances(
        jobsMax: configuration.jobsMax, connectionsPerDestination: configuration.connectionsPerDestination))
    turns = Turns(configuration.isolatedMax)
    alarms = (0..<loops).map { _ in Alarm() }
  }

  /// What a loop waits for when there is nothing to claim.
  func alarm(_ loop: Int) -> Alarm { alarms[loop] }

  /// There may be something for any of them.
  func ring() { for alarm in alarms { alarm.ring() } }
}
