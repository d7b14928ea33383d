/// What the queue's roles tell PostgreSQL's planner on each connection.
///
/// Their statements reach few rows of tables that may hold ten million, always by index. Statistics of tables that
/// fill and empty all day are wrong at some hour, and a plan that was kept from when a table was empty would read
/// all of it now. So plans are made once and for any size: a scan of a whole table, or a hash or bitmap of one, is
/// taken only where there is no other way. `Tests/MailQueueTests/QueryPlanTests.swift` looks at what comes of it.
package enum PlannerSettings {
  /// For connections that enqueue, claim, complete or keep. Not for commands that sum up the whole queue.
  package static let preamble = [
    "SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off", "SET enable_bitmapscan = off",
    "SET enable_hashjoin = off", "SET enable_mergejoin = off",
    // Otherwise a look into a table that is believed to be small is dearer than to go through all of it, once for each
    // row of another set.
    "SET random_page_cost = 0",
    // What is switched off counts as very dear, and dear plans would be compiled, at each execution.
    "SET jit = off",
  ]
}
