internal import MailQueue
internal import NodeMetrics

extension QueueMetrics.Look {
  /// Sums a sample up by tenant and by destination.
  init(_ sample: QueueSample, took: Duration) {
    self.init()
    self.took = took
    estimate = sample.recipientsEstimate
    delay = sample.lanes.map(\.delay).max() ?? .zero
    readyLanes = sample.lanes.count(where: \.isReady)
    waitingLanes = sample.lanes.count - readyLanes
    isComplete = sample.isComplete
    tenants = Self.parts(sample.lanes, by: \.tenant)
    destinations = Self.parts(sample.lanes, by: \.destination)
    workerSessions = sample.workerSessions
    oldestLease = sample.oldestLease
    (sitesDown, sitesSlowed, parkedLanes) = (sample.sitesDown, sample.sitesSlowed, sample.parkedLanes)
  }

  private static func parts(
    _ lanes: [QueueSample.Lane], by name: (QueueSample.Lane) -> String
  ) -> [QueueMetrics.Part] {
    var parts: [String: QueueMetrics.Part] = [:]
    for lane in lanes {
      let name = name(lane)
      var part = parts[name] ?? QueueMetrics.Part(name: name, recipients: 0, delay: .zero)
      part.recipients += lane.recipients
      part.delay = max(part.delay, lane.delay)
      parts[name] = part
    }
    return Array(parts.values)
  }
}
