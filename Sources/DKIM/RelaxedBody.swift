/// The relaxed form of a body (RFC 6376 §3.4.4) that comes in pieces of any size: white space at the ends of lines goes,
/// other white space becomes one space each, empty lines at the end go, and the last line ends with CRLF. An empty body
/// stays empty.
///
/// Only CRLF ends a line; a CR or LF alone is an octet like any other. What it holds does not grow with the body: of
/// white space and empty lines that may yet turn out to be the last, their number is enough.
struct RelaxedBody {
  private static let capacity = 4096
  private var output = [UInt8](repeating: 0, count: Self.capacity)
  private var count = 0
  private var hasSpace = false
  private var hasCR = false
  /// Line ends since the last octet that stays.
  private var lineEnds = 0
  private var isEmpty = true

  /// - Parameter emit: gets the relaxed form, in pieces; some may come with a later call.
  mutating func update(_ input: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
    var index = 0
    while index < input.count {
      if !hasSpace, !hasCR, lineEnds == 0 {
        let end = Self.endOfUnchanged(input, from: index)
        pass(UnsafeRawBufferPointer(rebasing: input[index..<end]), emit)
        index = end
        if index == input.count { return }
      }
      take(input[index], emit)
      index += 1
    }
  }

  /// Most text is in its relaxed form already, and goes to the hash from where it is.
  /// - Returns: up to where it is so for certain.
  private static func endOfUnchanged(_ input: UnsafeRawBufferPointer, from start: Int) -> Int {
    let count = input.count
    var index = start
    while index < count {
      let byte = input[index]
      if byte > 0x20 {
        index += 1
        continue
      }
      switch byte {
      case 0x20:
        guard index + 1 < count, input[index + 1] > 0x20 else { return index }
        index += 2
      case 0x0D:
        guard index + 2 < count, input[index + 1] == 0x0A, input[index + 2] > 0x20 else { return index }
        index += 3
      case 0x09: return index
      default: index += 1
      }
    }
    return index
  }

  private mutating func pass(_ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
    guard !bytes.isEmpty else { return }
    isEmpty = false
    // A few octets are copied more cheaply than hashed by themselves.
    if bytes.count < 64 {
      for byte in bytes { put(byte, emit) }
    } else {
      flush(emit)
      emit(bytes)
    }
  }

  private mutating func take(_ byte: UInt8, _ emit: (UnsafeRawBufferPointer) -> Void) {
    switch byte {
    case 0x20, 0x09:
      if hasCR { keepCR(emit) }
      hasSpace = true
    case 0x0D:
      if hasCR { keepCR(emit) }
      hasCR = true
    case 0x0A where hasCR:
      (hasCR, hasSpace) = (false, false)
      lineEnds += 1
    default:
      if hasCR { keepCR(emit) }
      keep(byte, emit)
    }
  }

  mutating func finish(_ emit: (UnsafeRawBufferPointer) -> Void) {
    if hasCR { keepCR(emit) }
    if !isEmpty {
      put(0x0D, emit)
      put(0x0A, emit)
    }
    flush(emit)
  }

  private mutating func keepCR(_ emit: (UnsafeRawBufferPointer) -> Void) {
    hasCR = false
    keep(0x0D, emit)
  }

  /// An octet that stays, and so does what has waited before it.
  private mutating func keep(_ byte: UInt8, _ emit: (UnsafeRawBufferPointer) -> Void) {
    while lineEnds > 0 {
      put(0x0D, emit)
      put(0x0A, emit)
      lineEnds -= 1
    }
    if hasSpace {
      put(0x20, emit)
      hasSpace = false
    }
    put(byte, emit)
    isEmpty = false
  }

  private mutating func put(_ byte: UInt8, _ emit: (UnsafeRawBufferPointer) -> Void) {
    if count == Self.capacity { flush(emit) }
    output[count] = byte
    count += 1
  }

  private mutating func flush(_ emit: (UnsafeRawBufferPointer) -> Void) {
    guard count > 0 else { return }
    output.withUnsafeBytes { emit(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    count = 0
  }
}
