import Foundation
import NIOCore
import TLS

/// The steps of AUTH that need another line.
enum LoginStep { case plain, user, password(String) }

extension SinkSession {
  func command(_ context: ChannelHandlerContext, _ line: String) {
    let (verb, rest) = line.splitOnce(" ")
    switch verb.uppercased() {
    case "EHLO": hello(context, rest, isExtended: true)
    case "HELO": hello(context, rest, isExtended: false)
    case "STARTTLS": startTLS(context)
    case "AUTH": authenticate(context, rest)
    case "MAIL": mail(context, rest)
    case "RCPT": recipient(context, rest)
    case "DATA": data(context)
    case "BDAT": chunk(context, rest)
    case "RSET": answer(context, .rset, [], "250 2.0.0 forgotten") { _ in self.forget() }
    case "NOOP": answer(context, .noop, [], "250 2.0.0 ok") { _ in }
    case "VRFY": reply(context, "252 2.1.5 send some mail and see")
    case "QUIT":
      answer(context, .quit, [], "221 2.0.0 bye") { _ in context.close(promise: nil) }
    default: reply(context, "500 5.5.2 not understood")
    }
  }

  func reply(_ context: ChannelHandlerContext, _ text: String) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: SinkReply.wire(text))), promise: nil)
  }

  /// What a session forgets at RSET, EHLO and after a message.
  func forget() {
    if var transaction { note(&transaction, reply: nil) }
    transaction = nil
    body = []
  }

  /// Writes what became of a transaction into the journal.
  func note(_ transaction: inout CapturedEnvelope, reply: String?) {
    transaction.reply = reply
    transaction.receivedAt = Date().timeIntervalSince1970
    facts.capture.note(transaction)
  }

  private func hello(_ context: ChannelHandlerContext, _ name: String, isExtended: Bool) {
    var lines = ["\(host.name) greets \(name)"]
    if isExtended {
      var offered = [
        "PIPELINING", "SIZE \(host.sizeMax)", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "ENHANCEDSTATUSCODES",
      ]
      if facts.tls != nil && identity.tls == nil { offered.append("STARTTLS") }
      if !host.logins.isEmpty && identity.tls != nil { offered.append("AUTH PLAIN LOGIN") }
      lines += offered.filter { !host.without.contains(String($0.prefix { $0 != " " })) } + host.extra
    }
    let text = "250 " + lines.joined(separator: "\n")
    answer(context, isExtended ? .ehlo : .helo, [name], text) { code in
      guard code == 250 else { return }
      self.forget()
      self.identity.helo = name
      self.identity.isExtended = isExtended
    }
  }

  private func startTLS(_ context: ChannelHandlerContext) {
    guard let tls = facts.tls, identity.tls == nil, !host.without.contains("STARTTLS") else {
      return reply(context, "502 5.5.1 no STARTTLS here")
    }
    answer(context, .starttls, [], "220 2.0.0 go ahead") { code in
      guard code == 220 else { return }
      if case .deaf = self.mode { return }
      self.forget()
      // RFC 3207 §4.2: nothing from before the handshake counts.
      self.input.clear()
      self.identity.helo = ""
      self.isUpgrading = true
      try? context.pipeline.syncOperations.addHandler(TLSHandler(server: tls), position: .first)
    }
  }

  private func mail(_ context: ChannelHandlerContext, _ rest: String) {
    guard let (address, parameters) = Self.path(rest, after: "FROM:") else {
      return reply(context, "501 5.5.4 MAIL FROM:<address>")
    }
    guard transaction == nil else { return reply(context, "503 5.5.1 one at a time") }
    answer(context, .mail, [address], "250 2.1.0 ok") { code in
      guard code == 250 else { return }
      self.transactions += 1
      var new = self.identity
      new.transaction = self.transactions
      new.mailFrom = address
      new.mailParameters = parameters
      new.openedAt = Date().timeIntervalSince1970
      new.stage = "mail"
      self.transaction = new
    }
  }

  private func recipient(_ context: ChannelHandlerContext, _ rest: String) {
    guard let (address, parameters) = Self.path(rest, after: "TO:"), !address.isEmpty else {
      return reply(context, "501 5.5.4 RCPT TO:<address>")
    }
    guard transaction != nil else { return reply(context, "503 5.5.1 MAIL first") }
    answer(context, .rcpt, [address], "250 2.1.5 ok") { code in
      let entry = CapturedEnvelope.Recipient(address: address, parameters: parameters, reply: "\(code)")
      self.transaction?.recipients.append(entry)
      self.transaction?.stage = "rcpt"
      if (200..<300).contains(code) { self.transaction?.rcptTo.append(address) }
    }
  }

  private func data(_ context: ChannelHandlerContext) {
    guard let transaction, !transaction.rcptTo.isEmpty else {
      return reply(context, transaction == nil ? "503 5.5.1 MAIL first" : "554 5.5.1 no valid recipients")
    }
    answer(context, .data, transaction.rcptTo, "354 go on, end with <CR><LF>.<CR><LF>") { code in
      guard code == 354 else { return }
      self.transaction?.stage = "data"
      if case .command = self.mode { self.mode = .data }
    }
  }

  private func chunk(_ context: ChannelHandlerContext, _ rest: String) {
    let words = rest.split(separator: " ")
    guard let first = words.first, let size = Int(first), size >= 0 else {
      return reply(context, "501 5.5.4 BDAT size [LAST]")
    }
    transaction?.viaBdat = true
    mode = .chunk(size, isLast: words.count > 1 && words[1].uppercased() == "LAST")
  }

  /// `FROM:<a@b> X=1 Y=2`: the path and the parameters.
  private static func path(_ rest: String, after prefix: String) -> (String, [String])? {
    guard rest.uppercased().hasPrefix(prefix), let open = rest.firstIndex(of: "<"),
      let close = rest[open...].lastIndex(of: ">")
    else { return nil }
    let parameters = rest[rest.index(after: close)...].split(separator: " ").map(String.init)
    return (String(rest[rest.index(after: open)..<close]), parameters)
  }
}

extension SinkSession {
  private func authenticate(_ context: ChannelHandlerContext, _ rest: String) {
    guard !host.logins.isEmpty, identity.tls != nil else { return reply(context, "502 5.5.1 no AUTH here") }
    let (mechanism, initial) = rest.splitOnce(" ")
    switch mechanism.uppercased() {
    case "PLAIN" where !initial.isEmpty: login(context, .plain, initial)
    case "PLAIN":
      mode = .login(.plain)
      reply(context, "334 ")
    case "LOGIN":
      mode = .login(.user)
      reply(context, "334 VXNlcm5hbWU6")
    default: reply(context, "504 5.5.4 PLAIN or LOGIN")
    }
  }

  func login(_ context: ChannelHandlerContext, _ step: LoginStep, _ line: String) {
    let text = Data(base64Encoded: line).map { String(decoding: $0, as: UTF8.self) } ?? ""
    mode = .command
    switch step {
    case .plain:
      let parts = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
      finishLogin(context, parts.count == 3 ? parts[1] : "", parts.count == 3 ? parts[2] : "")
    case .user:
      mode = .login(.password(text))
      reply(context, "334 UGFzc3dvcmQ6")
    case .password(let user):
      finishLogin(context, user, text)
    }
  }

  private func finishLogin(_ context: ChannelHandlerContext, _ user: String, _ password: String) {
    let isRight = host.logins[user] == password
    let text = isRight ? "235 2.7.0 welcome" : "535 5.7.8 wrong user name or password"
    answer(context, .auth, [user], text) { code in
      if code == 235 { self.identity.login = user }
    }
  }
}

extension String {
  func splitOnce(_ separator: Character) -> (String, String) {
    guard let index = firstIndex(of: separator) else { return (self, "") }
    return (String(self[..<index]), String(self[self.index(after: index)...]))
  }
}
