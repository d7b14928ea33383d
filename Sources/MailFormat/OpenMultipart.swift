/// A multipart whose end has not come yet.
struct OpenMultipart: Sendable {
  enum State { case preamble, parts, epilogue }

  let boundary: [UInt8]
  var state = State.preamble
  var parts = 0
  /// Messages within messages since the last delimiter.
  var messages = 0
}
