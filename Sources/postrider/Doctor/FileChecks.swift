internal import Cryptography
internal import Foundation
internal import LoginPolicy
internal import MailQueue
internal import Settings
internal import Routing
internal import TLS

/// Keys, certificates and directories of this machine.
struct FileChecks {
  let settings: Settings

  func run() -> [Finding] { [masterKey(), certificate(), trust(), spool()] + routes() + loginPolicy() }

  private func masterKey() -> Finding {
    let file = settings.keys.masterFile
    do {
      _ = try MasterKey.load(file: file)
      return .ok("master key", file)
    } catch {
      return .failed(
        "master key", "\(error): no role starts, and what is queued cannot be read",
        advice: "restore it, mode 0600 and owned by the node's user; only a new installation may make a new one "
          + "(a line «id:64 hexadecimal digits»)")
    }
  }

  private func certificate() -> Finding {
    guard let certificate = settings.smtp.certificateFile, let key = settings.smtp.keyFile else {
      return .warning(
        "certificate", "none is set: an acceptor does not start", advice: "set smtp.certificate_file and smtp.key_file")
    }
    do {
      _ = try TLSContext.server(certificateFile: certificate, keyFile: key)
      return try validity(certificate)
    } catch {
      return .failed(
        "certificate", "\(error)",
        advice: "smtp.certificate_file needs the PEM chain, smtp.key_file its key; both readable by the node's user")
    }
  }

  private func validity(_ file: String) throws -> Finding {
    let name = settings.smtp.hostname
    let facts = try CertificateFacts(file: file, covering: name)
    if facts.isInFuture {
      return .failed("certificate", "\(file) is not valid yet", advice: "see this machine's clock")
    }
    let left = "\(file), \(facts.daysLeft) days left"
    if facts.daysLeft < 0 {
      return .failed(
        "certificate", "\(file) has ended: clients refuse to connect",
        advice: "renew it; acceptors read it again by themselves")
    }
    if !facts.coversName {
      return .failed(
        "certificate", "\(left), does not cover \(name): clients that check refuse to connect",
        advice: "get one for \(name), or set smtp.hostname to a name that it covers")
    }
    guard facts.daysLeft >= 21 else {
      return .warning("certificate", left, advice: "renew it; acceptors read it again by themselves")
    }
    return .ok("certificate", "\(left), covers \(name)")
  }

  private func trust() -> Finding {
    do {
      _ = try TLSContext.client(trustedCertificatesFile: settings.delivery.caFile)
      return .ok("trust", settings.delivery.caFile ?? "the system's authorities")
    } catch {
      return .failed("trust", "\(error)", advice: "mend delivery.ca_file, or install ca-certificates")
    }
  }

  private func spool() -> Finding {
    let directory = settings.spool.directory
    do {
      _ = try SpillFile(directory: directory)
    } catch {
      return .failed(
        "spool", "\(error): large messages get 452",
        advice: "spool.directory must be writable, on a file system with unnamed files (ext4, xfs, btrfs, tmpfs)")
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: directory)
    let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
    let text = "\(directory), \(free >> 20) MB free"
    guard free > Int64(settings.smtp.messageSizeMax) * 10 else {
      return .warning(
        "spool", text + ": fewer than ten of the largest messages", advice: "make room, or lower smtp.message_size_max")
    }
    return .ok("spool", text)
  }

  /// Logins of smarthosts are read from files.
  private func routes() -> [Finding] {
    settings.delivery.routes.compactMap { route in
      do {
        _ = try RouteOverride(route)
        return nil
      } catch {
        return .failed(
          "routes", "the route for \(route.domain): \(error.localizedDescription)",
          advice: "see that its password_file is there and readable by the node's user")
      }
    }
  }

  /// The secret that the server of the mailboxes shows.
  private func loginPolicy() -> [Finding] {
    let policy = settings.mailboxes.policy
    guard !policy.listen.isEmpty, let file = policy.keyFile else { return [] }
    do throws(CryptographyFailure) {
      _ = try PolicyKey.load(file: file)
      return [.ok("login policy", "\(file): the same secret must be in Dovecot's settings")]
    } catch {
      return [
        .failed(
          "login policy", "\(error.reason): an acceptor does not start",
          advice: "make mailboxes.policy.key_file one line, mode 0600 and owned by the node's user, "
            + "the same as in Dovecot's auth_policy_server_api_header")
      ]
    }
  }
}
