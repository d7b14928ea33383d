// What the node says about itself: log lines and the mail log.
//
// Guarantees:
// - A log line is one line and cannot steer a terminal: every text goes through `escaped(_:)` or the JSON
//   escaping, whoever wrote it.
// - Logging never waits for the reader of stderr: lines pass through a bounded buffer (`LogOutput`). When the
//   reader is too slow, lines are dropped and the number of dropped lines is itself logged.
// - Names of fields come from one enum (`LogKey`).
