/// A spam filter (rspamd) of our own on loopback, which asks nobody: no DNS, no block lists, no updates.
///
/// It has no rules either, and knows only the test text that every filter knows (GTUBE): it shows that scanning works.
package struct PrivateRspamd: Sendable {
  package let directory: String
  package let port: Int
  package let user: UnprivilegedUser?
  /// In megabytes: larger messages are refused.
  package var messageMax = 200

  package init(directory: String, port: Int, user: UnprivilegedUser?) {
    self.directory = directory
    self.port = port
    self.user = user
  }

  package var url: String { "http://127.0.0.1:\(port)" }

  /// The generic test for unsolicited bulk e-mail, put together here so that no filter finds it in this source.
  package static let testText = [
    "XJS*C4JDBQADN1", ".NSBN3*2IDNEN*", "GTUBE-STANDARD-", "ANTI-UBE-TEST-", "EMAIL*C.34X",
  ]
  .joined()

  private var visibleDirectory: String { user == nil ? directory : ProcessSpecification.openedDirectoryPath }

  /// Writes its configuration.
  package func prepare() throws(FileFailure) {
    for name in ["", "/tmp"] { try PrivateDirectory.make(directory + name, owner: user) }
    let configuration = """
      options {
        filters = "";
        max_message = \(messageMax)mb;
        dns { nameserver = ["127.0.0.1:9"]; timeout = 0.01s; retransmits = 1; }
        tempdir = "\(visibleDirectory)/tmp";
        # The list that comes with it takes many seconds to compile.
        url_tld = "\(visibleDirectory)/tld.dat";
        control_socket = "\(visibleDirectory)/control.sock mode=0600";
        hs_cache_dir = "\(visibleDirectory)";
        pidfile = "\(visibleDirectory)/rspamd.pid";
        task_timeout = 60s;
      }
      logging { type = "console"; level = "warning"; }
      actions { reject = 15; "add header" = 6; greylist = null; }
      worker "normal" { bind_socket = "127.0.0.1:\(port)"; count = 1; }

      """
    try PrivateDirectory.write("com\nnet\norg\nexample\n", to: "\(directory)/tld.dat", owner: user)
    try PrivateDirectory.write(configuration, to: "\(directory)/rspamd.conf", owner: user)
  }

  package var server: ProcessSpecification {
    ProcessSpecification(
      "rspamd", program: "rspamd",
      arguments: [
        "-f", "-c", "\(visibleDirectory)/rspamd.conf", "--var", "DBDIR=\(visibleDirectory)", "--var",
        "RUNDIR=\(visibleDirectory)",
      ],
      environment: ProcessSpecification.plainEnvironment, directory: "/",
      openedDirectory: user == nil ? nil : directory, user: user)
  }

  package var isInstalled: Bool { server.resolvedProgram != nil }
}
