/// A malware scanner (clamd) of our own on loopback, which knows one signature: that of the EICAR test file.
///
/// It loads nothing from elsewhere and updates nothing: it shows that scanning works, and protects nobody.
package struct PrivateClamd: Sendable {
  package let directory: String
  package let port: Int
  package let user: UnprivilegedUser?
  /// In megabytes: larger streams are refused.
  package var streamMax = 200

  package init(directory: String, port: Int, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.user = user
  }

  /// The test file of the European Institute for Computer Antivirus Research: harmless, and known to every scanner. It is
  /// put together here, so that no scanner finds it in this source.
  package static let testFile = [#"X5O!P%@AP[4\PZX54(P^)7CC)7}$"#, "EICAR-STANDARD-", "ANTIVIRUS-TEST-", "FILE!$H+H*"]
    .joined()
  package static let testName = "Eicar-Test-Signature"

  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  /// Writes its configuration and its signature.
  package func prepare() throws(FileFailure) {
    for name in ["", "/signatures", "/tmp"] { try PrivateDirectory.make(directory + name, owner: user) }
    let digits = Self.testFile.utf8.map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
    // Name, any kind of file, anywhere in it (ClamAV's extended signature format).
    try PrivateDirectory.write(
      "\(Self.testName):0:*:\(digits)\n", to: "\(directory)/signatures/test.ndb", owner: user)
    let configuration = """
      TCPAddr 127.0.0.1
      TCPSocket \(port)
      DatabaseDirectory \(visibleDirectory)/signatures
      TemporaryDirectory \(visibleDirectory)/tmp
      Foreground yes
      LogVerbose no
      SelfCheck 86400
      MaxThreads 4
      StreamMaxLength \(streamMax)M
      MaxScanSize \(streamMax * 2)M
      MaxFileSize \(streamMax)M
      AlertExceedsMax yes

      """
    try PrivateDirectory.write(configuration, to: "\(directory)/clamd.conf", owner: user)
  }

  package var server: ProcessSpecification {
    ProcessSpecification(
      "clamd", program: "clamd", arguments: ["--config-file=\(visibleDirectory)/clamd.conf"],
      environment: ProcessSpecification.plainEnvironment, directory: "/",
      openedDirectory: user == nil ? nil : directory, user: user)
  }

  package var isInstalled: Bool { server.resolvedProgram != nil }
}
