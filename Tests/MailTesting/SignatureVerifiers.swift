import Foundation

/// DKIM signatures as others see them: dkimpy, and libopendkim by way of Python's ctypes.
package struct VerifiedSignature: Decodable, Sendable, Hashable {
  package let domain: String
  package let selector: String
  package let algorithm: String
  /// Empty: it is good.
  package let dkimpy: String
  package let opendkim: String

  package var isGood: Bool { dkimpy.isEmpty && opendkim.isEmpty }

  /// - Parameter records: text of the TXT records by name.
  /// - Returns: for each message its signatures, from the top.
  package static func verify(_ messages: [[UInt8]], records: [String: String]) throws -> [[VerifiedSignature]] {
    let directory = try TemporaryDirectory()
    for (number, message) in messages.enumerated() {
      try Data(message).write(to: URL(fileURLWithPath: directory.path("\(number).eml")))
    }
    try JSONEncoder().encode(records).write(to: URL(fileURLWithPath: directory.path("records.json")))
    let python = Process()
    // Debian's: it has Debian's packages.
    python.executableURL = URL(filePath: "/usr/bin/python3")
    python.arguments = ["-W", "ignore", "-c", program, directory.path, "\(messages.count)"]
    let output = Pipe()
    python.standardOutput = output
    try python.run()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    python.waitUntilExit()
    return try JSONDecoder().decode([[VerifiedSignature]].self, from: answer)
  }

  private static let program = """
    import ctypes, json, re, sys
    import dkim
    folder, count = sys.argv[1], int(sys.argv[2])
    records = {name: text.encode() for name, text in json.load(open(folder + "/records.json")).items()}

    def by_dkimpy(message, index):
        try:
            found = dkim.DKIM(message).verify(
                idx=index, dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip(".")))
            return "" if found else "no"
        except Exception as error:
            return repr(error)

    lib = ctypes.CDLL("libopendkim.so.11")
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    lookup_type = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer, ctypes.c_size_t)
    for name, result, arguments in [
        ("dkim_init", pointer, [pointer, pointer]), ("dkim_set_key_lookup", ctypes.c_int, [pointer, lookup_type]),
        ("dkim_verify", pointer, [pointer, text, pointer, ctypes.POINTER(ctypes.c_int)]),
        ("dkim_header", ctypes.c_int, [pointer, text, ctypes.c_size_t]), ("dkim_eoh", ctypes.c_int, [pointer]),
        ("dkim_body", ctypes.c_int, [pointer, text, ctypes.c_size_t]),
        ("dkim_eom", ctypes.c_int, [pointer, pointer]),
        ("dkim_getsiglist", ctypes.c_int, [pointer, ctypes.POINTER(ctypes.POINTER(pointer)),
            ctypes.POINTER(ctypes.c_int)]),
        ("dkim_sig_getflags", ctypes.c_uint, [pointer]), ("dkim_sig_getbh", ctypes.c_int, [pointer]),
        ("dkim_sig_geterror", ctypes.c_int, [pointer]), ("dkim_sig_getdomain", text, [pointer]),
        ("dkim_sig_getselector", text, [pointer]), ("dkim_free", ctypes.c_int, [pointer]),
        ("dkim_sig_geterrorstr", text, [ctypes.c_int]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments

    @lookup_type
    def lookup(handle, signature, buffer, size):
        name = "%s._domainkey.%s" % (
            lib.dkim_sig_getselector(signature).decode(), lib.dkim_sig_getdomain(signature).decode())
        record = records.get(name)
        if record is None: return 3  # DKIM_STAT_NOKEY
        ctypes.memmove(buffer, record + b"\\0", min(len(record) + 1, size))
        return 0

    library = lib.dkim_init(None, None)
    lib.dkim_set_key_lookup(library, lookup)

    def by_opendkim(message):
        status = ctypes.c_int()
        handle = lib.dkim_verify(library, b"test", None, ctypes.byref(status))
        try:
            header, body = message.split(b"\\r\\n\\r\\n", 1)
            for field in re.split(rb"\\r\\n(?![ \\t])", header):
                if lib.dkim_header(handle, field, len(field)) != 0: return lambda index: "%r is refused" % field
            lib.dkim_eoh(handle)
            for start in range(0, len(body), 65536):
                part = body[start:start + 65536]
                lib.dkim_body(handle, part, len(part))
            result = lib.dkim_eom(handle, None)
            signatures, number = ctypes.POINTER(pointer)(), ctypes.c_int()
            if lib.dkim_getsiglist(handle, ctypes.byref(signatures), ctypes.byref(number)) != 0:
                return lambda index: "no signatures, status %d" % result
            texts = []
            for index in range(number.value):
                signature = signatures[index]
                passed = lib.dkim_sig_getflags(signature) & 4 and lib.dkim_sig_getbh(signature) == 0
                texts.append("" if passed else "body %d, error %s" % (
                    lib.dkim_sig_getbh(signature), lib.dkim_sig_geterrorstr(lib.dkim_sig_geterror(signature))))
            return lambda index: texts[index] if index < len(texts) else "not seen"
        finally:
            lib.dkim_free(handle)

    answers = []
    for number in range(count):
        message = open("%s/%d.eml" % (folder, number), "rb").read()
        # Not by dkimpy's parser, which does not read everything.
        header = message.split(b"\\r\\n\\r\\n", 1)[0] + b"\\r\\n"
        fields = re.findall(rb"(?im)^dkim-signature:((?:.*\\r\\n)(?:[ \\t].*\\r\\n)*)", header)
        opendkim = by_opendkim(message) if fields else None
        signatures = []
        for index, value in enumerate(fields):
            tags = {k: v.decode() for k, v in ((k.decode(), v) for k, v in dkim.parse_tag_value(value).items())}
            signatures.append({"domain": tags["d"], "selector": tags["s"], "algorithm": tags["a"],
                "dkimpy": by_dkimpy(message, index), "opendkim": opendkim(index)})
        answers.append(signatures)
    print(json.dumps(answers))
    """
}
