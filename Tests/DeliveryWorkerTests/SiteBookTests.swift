import DeliveryWorker
import MailModel
import MailQueue
import RetryPolicy
import Testing

@Suite struct SiteBookTests {
  private let start = ContinuousClock.now
  private let nobody = Attempt(result: .failed(.connection("refused"), .connect))
  private let less = Attempt(result: .refused(Reply(421, EnhancedStatus(4, 7, 0), "slow down"), .mail))

  private func book(source: String = "192.0.2.1") -> SiteBook {
    var configuration = SiteConfiguration()
    configuration.source = source
    configuration.slowdown = SlowdownPolicy(
      pause: .seconds(10), pauseMax: .seconds(600), recovery: .seconds(100), normalMin: 600)
    return SiteBook(configuration)
  }

  @Test func aSiteIsDownAfterFailuresInARow() throws {
    let book = book()
    for _ in 0..<5 {
      #expect(book.failedToReach("mx", nobody) == .counted)
      #expect(book.failedToReach("mx", nobody) == .counted)
      book.reached("mx")
    }
    #expect(book.trouble(of: "mx") == nil)
    for _ in 0..<2 { _ = book.failedToReach("mx", nobody) }
    guard case .nowDown(let incident) = book.failedToReach("mx", nobody) else { throw Unexpected() }
    #expect(book.failedToReach("mx", nobody) == .stillDown(incident: incident), "not this message's failure any more")
    #expect(book.trouble(of: "mx")?.incident == incident)
    #expect(book.trouble(of: "other") == nil)
    book.forget("mx", incident: incident + 1)
    #expect(book.trouble(of: "mx") != nil)
    book.forget("mx", incident: incident)
    #expect(book.trouble(of: "mx") == nil)
  }

  /// A worker without network must not stop the mail of all others.
  @Test func whenNobodyAnswersItIsRatherUs() {
    let book = book()
    for _ in 0..<10 {
      for site in ["a", "b", "c", "d"] { #expect(book.failedToReach(site, nobody, now: start) == .counted) }
    }
    book.reached("e", now: start)
    _ = book.failedToReach("a", nobody, now: start)
    #expect(book.trouble(of: "a") != nil, "others answer: it is the site")
  }

  /// Without Redis, with several workers: each deals out its part, and not more than that.
  @Test func whatIsGrantedFollowsTheRate() throws {
    for workers in [1, 3] {
      let book = book()
      let pace = try #require(
        book.slowDown("mx", category: "rate_limit", isListed: false, less, now: start))
      #expect(book.slowDown("mx", category: "rate_limit", isListed: false, less, now: start + .seconds(1)) == nil)
      book.take([("mx", pace, 0)], asked: ["mx": pace], workers: workers)
      _ = book.learn([], database: 0)
      #expect(book.wants(now: start + .seconds(11)).isEmpty, "no mail waits")
      var granted = 0
      for second in 1...50 {
        let now = start + .seconds(second)
        #expect(book.learn([known(pace)], database: 0, now: now).isEmpty)
        book.grantLocally(now: now)
        let now_ = book.allowance(database: 0).sites.first?.messages ?? 0
        if second < 10 { #expect(now_ == 0, "the pause") }
        granted += now_
        // From half of 600 a minute on, 6 a minute more each second.
        let passed = Double(max(0, second - 10))
        let bound = (5 * passed + 0.05 * passed * passed) / Double(workers) + 8
        #expect(Double(granted) <= bound, "second \(second), \(workers) workers")
      }
      #expect(Double(granted) > 150 / Double(workers), "and it is used")
    }
  }

  @Test func itRecoversAndIsForgotten() throws {
    let book = book()
    _ = book.slowDown("mx", category: "blocklist", isListed: true, less, now: start)
    #expect(book.trouble(of: "mx", now: start + .seconds(600)) != nil)
    #expect(book.trouble(of: "mx", now: start + .seconds(651)) == nil)
    book.tidy(now: start + .seconds(651))
    #expect(book.paces.isEmpty && book.counts == (0, 0))
  }

  /// A worker that was just started goes by the database's row; one with another sending address does not.
  @Test func aNewWorkerLearnsFromTheDatabase() throws {
    let pace = try #require(book().slowDown("mx", category: "rate_limit", isListed: false, less, now: start))
    let same = book()
    #expect(same.learn([known(pace)], database: 0, now: start).isEmpty)
    #expect(same.trouble(of: "mx", now: start)?.incident == pace.incident)
    let other = book(source: "198.51.100.1")
    _ = other.learn([known(pace)], database: 0, now: start)
    #expect(other.trouble(of: "mx", now: start) == nil)
    let late = book()
    #expect(late.learn([known(pace, pauseLeft: .seconds(-51))], database: 0, now: start) == ["mx"], "over")
  }

  /// What Redis says counts, except for a trouble that it cannot know yet.
  @Test func theSharedWordCounts() throws {
    let book = book()
    let own = try #require(book.slowDown("mx", category: "rate_limit", isListed: false, less, now: start))
    let asked = book.paces
    var shared = own
    (shared.incident, shared.rate) = (7, 60)
    book.take([("mx", shared, 3)], asked: asked, workers: 2)
    #expect(book.paces["mx"] == shared)
    let later = try #require(
      book.slowDown("mx", category: "rate_limit", isListed: false, less, now: start + .seconds(20)))
    book.take([("mx", shared, 0)], asked: ["mx": shared], workers: 2)
    #expect(book.paces["mx"] == later)
    book.take([], asked: ["mx": later], workers: 2)
    #expect(book.paces.isEmpty, "it has recovered there")
  }

  private func known(_ pace: SitePace, pauseLeft: Duration? = nil) -> KnownSlowdown {
    KnownSlowdown(
      site: "mx", incident: pace.incident, category: pace.category, times: pace.troubles, rate: pace.rate,
      normal: pace.normal, sources: ["192.0.2.1"], pauseLeft: pauseLeft ?? start.duration(to: pace.resumesAt))
  }

  private struct Unexpected: Error {}
}
