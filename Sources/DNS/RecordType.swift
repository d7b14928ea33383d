/// The record types that mail asks for (RFC 1035 §3.2.2, RFC 3596).
enum RecordType: Int32, Sendable {
  case a = 1
  case mx = 15
  case txt = 16
  case aaaa = 28
}

/// The data of the records of one answer, copied out of libunbound's memory.
struct RecordSet: Sendable {
  var records: [[UInt8]]
  var secure: Bool
}
