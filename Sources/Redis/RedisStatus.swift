/// What is known about a connection, for a doctor and for metrics.
package struct RedisStatus: Sendable {
  /// The greeting was answered and nothing has gone wrong since.
  package var isConnected = false
  /// Why the connection ended, or could not be made, the last time; stays after a success.
  package var lastError: RedisError?
  /// How often the connection was made.
  package var connectedCount = 0
}
