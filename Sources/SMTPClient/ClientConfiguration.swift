/// The waits of RFC 5321 §4.5.3.2, each with its default from there.
package struct ClientTimeouts: Sendable {
  package var connect: Duration = .seconds(30)
  package var greeting: Duration = .seconds(300)
  package var hello: Duration = .seconds(300)
  /// STARTTLS with its handshake, and each step of a login.
  package var tls: Duration = .seconds(120)
  package var login: Duration = .seconds(120)
  package var mail: Duration = .seconds(300)
  package var recipient: Duration = .seconds(300)
  package var data: Duration = .seconds(120)
  /// Each block of the message.
  package var block: Duration = .seconds(180)
  package var finalDot: Duration = .seconds(600)
  package var reset: Duration = .seconds(60)
  package var quit: Duration = .seconds(5)

  package init() {}
}

/// How connections are made, shared and ended.
package struct ClientConfiguration: Sendable {
  /// What EHLO says: the node's own name.
  package var heloName: String
  package var timeouts = ClientTimeouts()
  package var connectionsPerDestination = 20
  package var messagesPerConnection = 100
  package var connectionIdleTime: Duration = .seconds(10)
  package var connectionAgeMax: Duration = .seconds(300)
  /// Idle connections of all destinations together.
  package var idleConnectionsMax = 1000
  package var recipientsPerTransaction = 100
  /// Addresses dialled for one message, over all its hosts: a domain with a hundred dead ones must not hold a worker.
  package var dialsPerDelivery = 8
  /// How long a message waits for its turn at a busy destination before it is handed back untried.
  package var permitWaitMax: Duration = .seconds(300)
  /// How long the line for a host may take before only two messages for each connection wait in it; the others are
  /// handed back untried.
  package var linePatience: Duration = .seconds(5)

  package init(heloName: String) {
    self.heloName = heloName
  }
}
