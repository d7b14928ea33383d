/// What logins may cost, and for how long one of them counts.
package struct AuthenticatorConfiguration: Sendable {
  /// Password checks that run at once: each takes a core and 32 MB for tens of milliseconds.
  package var checksMax: Int
  /// Checks that wait for one of those; beyond it a login is told to come again.
  package var waitingMax: Int
  /// Accounts that are asked for at once, and how long one may take; beyond either the database counts as
  /// unavailable.
  package var lookupsMax: Int
  package var lookupTimeMax: Duration
  /// How long a success spares the next check of the same password; zero: not at all.
  package var rememberedFor: Duration
  /// How old an account's record may be. A change takes effect this late at most, in every process.
  package var recordsKeptFor: Duration
  /// Entries in each of the two caches.
  package var cacheCountMax: Int
  /// Whether domains that are not proven may not be sent as.
  package var requiresProof: Bool

  package init(
    checksMax: Int = 2, waitingMax: Int = 64, lookupsMax: Int = 256,
    lookupTimeMax: Duration = .seconds(10), rememberedFor: Duration = .seconds(60),
    recordsKeptFor: Duration = .seconds(2), cacheCountMax: Int = 20_000, requiresProof: Bool = true
  ) {
    self.requiresProof = requiresProof
    self.checksMax = checksMax
    self.waitingMax = waitingMax
    self.lookupsMax = lookupsMax
    self.lookupTimeMax = lookupTimeMax
    self.rememberedFor = rememberedFor
    self.recordsKeptFor = recordsKeptFor
    self.cacheCountMax = cacheCountMax
  }
}
