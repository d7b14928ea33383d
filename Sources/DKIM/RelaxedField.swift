/// The relaxed form of a header field (RFC 6376 §3.4.2), without its CRLF: the name in lower case, unfolded, white space
/// of any length as one space, none around the colon and at the end.
/// - Parameters:
///   - name: where the name is in `bytes`, without white space.
///   - body: where the rest is, between the colon and the last CRLF.
func appendRelaxed(_ bytes: [UInt8], name: Range<Int>, body: Range<Int>, to output: inout [UInt8]) {
  for byte in bytes[name] { output.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) }
  output.append(0x3A)
  var hasSpace = false
  var isBegun = false
  for byte in bytes[body] {
    switch byte {
    case 0x20, 0x09: hasSpace = true
    // In a field that was read as one, a line's end is folding: white space follows.
    case 0x0D, 0x0A: break
    default:
      if hasSpace, isBegun { output.append(0x20) }
      (hasSpace, isBegun) = (false, true)
      output.append(byte)
    }
  }
}
