internal import CProcess
internal import Glibc

/// Forks and executes. The calling thread must outlive the child (see `ChildProcess`).
func spawn(_ specification: ProcessSpecification, path: String, output: Int32) throws(SpawnFailure) -> Int32 {
  var request = child_request()
  request.output = output
  request.death_signal = specification.deathSignal.rawValue
  if let user = specification.user {
    request.change_user = 1
    request.user = user.user
    request.group = user.group
  }
  let arguments = CStrings([path] + specification.arguments)
  let environment = CStrings(specification.environment.map { "\($0.key)=\($0.value)" })
  let paths = CStrings([path, specification.directory ?? "", specification.openedDirectory ?? ""])
  var step: UnsafePointer<CChar>?
  let processID = withExtendedLifetime((arguments, environment, paths)) { () -> pid_t in
    request.path = UnsafePointer(paths.pointers[0])
    request.arguments = UnsafePointer(arguments.base)
    request.environment = UnsafePointer(environment.base)
    if specification.directory != nil { request.directory = UnsafePointer(paths.pointers[1]) }
    if specification.openedDirectory != nil { request.opened_directory = UnsafePointer(paths.pointers[2]) }
    return child_start(&request, &step)
  }
  guard processID > 0 else {
    let reason = errorText(errno)
    throw SpawnFailure(program: path, reason: "\(step.map { String(cString: $0) } ?? "fork"): \(reason)")
  }
  return processID
}

/// A null-terminated array of C strings that lives as long as the object.
private final class CStrings {
  let pointers: [UnsafeMutablePointer<CChar>?]
  let base: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  init(_ strings: [String]) {
    pointers = strings.map { strdup($0) }
    base = .allocate(capacity: strings.count + 1)
    for (index, pointer) in pointers.enumerated() { base[index] = pointer }
    base[strings.count] = nil
  }

  deinit {
    for pointer in pointers { free(pointer) }
    base.deallocate()
  }
}

/// Reads until the end, gives each line without its newline (broken UTF-8 replaced, cut at 16 KiB), and closes.
func readLines(_ descriptor: Int32, _ handle: (String) -> Void) {
  let lengthMax = 16_384
  var pending: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    if count <= 0 { break }
    for byte in buffer[..<count] {
      if byte == UInt8(ascii: "\n") || pending.count >= lengthMax {
        handle(String(decoding: pending, as: UTF8.self))
        pending.removeAll(keepingCapacity: true)
        if byte == UInt8(ascii: "\n") { continue }
      }
      pending.append(byte)
    }
  }
  if !pending.isEmpty { handle(String(decoding: pending, as: UTF8.self)) }
  close(descriptor)
}
