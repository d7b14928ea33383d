internal import ArgumentParser
internal import Cryptography
internal import DNS
internal import Discovery
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NodeStatus
internal import Settings
internal import TLS

struct DiscoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discovery",
    abstract: "Tells mail programs over HTTP where mail is sent and read, so that they set themselves up.",
    discussion: "It needs neither database nor Redis: answers come from the settings (discovery.*) alone.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    let settings = try common.settingsWithLogging()
    let node = Node(settings, role: "discovery")
    try await node.withStatus(touchesData: false) { try await serve(node, settings, $0) }
  }

  private func serve(_ node: Node, _ settings: Settings, _ status: NodeStatus) async throws {
    let listeners =
      settings.discovery.http.listen.map { listener($0, isSecure: false) }
      + settings.discovery.https.listen.map { listener($0, isSecure: true) }
    guard !listeners.isEmpty else {
      throw CommandFailure(
        .configuration, "discovery.http.listen and discovery.https.listen are empty: there is nowhere to listen",
        advice: "set one of them, for example discovery.http.listen=0.0.0.0:80")
    }
    OpenFiles.allowAll()
    let files = [settings.smtp.certificateFile, settings.smtp.keyFile].compactMap(\.self)
    let others = settings.discovery.https.certificates.map { CertificateDirectory($0) }
    let tls =
      settings.discovery.https.listen.isEmpty
      ? nil : try node.serverTLS(certificate: files[0], key: files[1], others: others)
    let signer = try signer(files)
    let threads = NIOThreadPool(numberOfThreads: 2)
    threads.start()
    let service = DiscoveryService(
      configuration: configuration(settings, listeners), services: settings.mailServices, tls: tls,
      certificateFiles: files, certificates: others, signer: signer, group: MultiThreadedEventLoopGroup.singleton,
      threads: threads,
      logger: node.logger)
    if tls != nil { status.addCertificate(file: files[0], name: settings.discovery.hostname ?? settings.smtp.hostname) }
    do {
      try await service.start()
    } catch let failure as DiscoveryFailure {
      throw CommandFailure(.configuration, failure.reason)
    }
    node.logger.info("ready")
    try await node.run([service], status, notice: settings.shutdown.notice)
    try? await threads.shutdownGracefully()
    node.logger.info("ended")
  }

  /// Tries it once: whoever installs a profile should not be the first to find out.
  private func signer(_ files: [String]) throws -> ContentSigner? {
    guard files.count == 2 else { return nil }
    let signer = ContentSigner(certificateFile: files[0], keyFile: files[1])
    do throws(CryptographyFailure) {
      _ = try signer.sign(Array("trial".utf8))
    } catch {
      throw CommandFailure(
        .configuration, "profiles cannot be signed: \(error.reason)",
        advice: "smtp.key_file must be readable by the node's user and by nobody else")
    }
    return signer
  }

  private func listener(_ address: ListenAddress, isSecure: Bool) -> DiscoveryConfiguration.Listener {
    DiscoveryConfiguration.Listener(address: address.host, port: address.port, isSecure: isSecure)
  }

  private func configuration(_ settings: Settings, _ listeners: [DiscoveryConfiguration.Listener])
    -> DiscoveryConfiguration
  {
    let discovery = settings.discovery
    var configuration = DiscoveryConfiguration(listeners: listeners)
    configuration.proxies = discovery.proxies.compactMap { CIDR($0) }
    configuration.connectionsMax = discovery.connectionsMax
    configuration.connectionsPerClientMax = discovery.connectionsPerAddressMax
    configuration.requestsMax = discovery.requestsPerMinuteMax
    configuration.requestSizeMax = discovery.requestSizeMax
    configuration.requestTimeout = TimeAmount(discovery.requestTimeout)
    configuration.shutdownTimeout = TimeAmount(settings.shutdown.timeout)
    return configuration
  }
}
