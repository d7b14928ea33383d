extension Metric {
  /// All that can be shown.
  package static let all: [Metric] = process + acceptor + inbound + discovery + worker + keeper + queue

  // MARK: Every process

  static let build = Metric(
    "postrider_build_info", .gauge, labels: ["role", "version", "schema"],
    "Always 1; the labels say what runs, and which schema it was built for.")
  static let ready = Metric("postrider_ready", .gauge, "1 while /readyz answers 200.")
  static let draining = Metric("postrider_draining", .gauge, "1 from SIGTERM on.")
  static let databaseUp = Metric("postrider_database_up", .gauge, "1 if PostgreSQL answered the last question.")
  static let databaseAnswer = Metric(
    "postrider_database_answer_seconds", .gauge, "How long PostgreSQL took for the last question about its health.")
  static let databaseWaiting = Metric(
    "postrider_database_waiting", .gauge, labels: ["pool"], "Work that waits for a connection to PostgreSQL.")
  static let redisUp = Metric("postrider_redis_up", .gauge, "1 if Redis answered the last question.")
  static let redisAnswer = Metric(
    "postrider_redis_answer_seconds", .gauge, "How long Redis took for the last question about its health.")
  static let partitionsAhead = Metric(
    "postrider_partitions_ahead_days", .gauge, "For how many days, today included, there are tables.")
  package static let process = [
    build, ready, draining, databaseUp, databaseAnswer, databaseWaiting, redisUp, redisAnswer, partitionsAhead,
  ]

  // MARK: Acceptor

  static let sessions = Metric("postrider_sessions", .gauge, "SMTP sessions that are open now.")
  static let sessionsBegun = Metric("postrider_sessions_total", .counter, "SMTP sessions that began.")
  static let messagesAccepted = Metric("postrider_messages_accepted_total", .counter, "Messages that got 250.")
  static let recipientsAccepted = Metric(
    "postrider_recipients_accepted_total", .counter, "Recipients of messages that got 250.")
  static let bytesAccepted = Metric(
    "postrider_bytes_accepted_total", .counter, "Octets of messages that got 250, as stored.")
  static let refused = Metric(
    "postrider_refused_total", .counter, labels: ["reason"], "4xx and 5xx replies to clients, and sessions turned away."
  )
  static let acceptance = Metric(
    "postrider_acceptance_seconds", .seconds, "From the end of a message's content to its 250.")
  static let enqueueBatch = Metric(
    "postrider_enqueue_messages", .sizes, "Messages that shared a transaction into the queue.")
  static let enqueueTime = Metric("postrider_enqueue_seconds", .seconds, "One transaction into the queue.")
  static let scanTime = Metric(
    "postrider_scan_seconds", .seconds, labels: ["scanner"],
    "How long a content scanner took for a message, the wait for its turn included.")
  static let scans = Metric(
    "postrider_scans_total", .counter, labels: ["scanner", "outcome"],
    "Messages that a content scanner was asked about: clean, found, failed; cached when the same content was known.")
  static let certificateDays = Metric(
    "postrider_certificate_days", .gauge, "Whole days until the acceptor's certificate ends; negative afterwards.")
  static let limitRefusals = Metric(
    "postrider_limit_refusals_total", .counter, labels: ["limit"],
    "Messages and logins that a limit refused: scope, kind and span of the limit, or its name.")
  static let limitCounting = Metric(
    "postrider_limit_counting_seconds", .seconds, "One message counted in Redis, there and back.")
  static let limitsLocal = Metric(
    "postrider_limits_local", .gauge, "1 while this acceptor keeps limits by itself because Redis is away.")
  package static let acceptor = [
    sessions, sessionsBegun, messagesAccepted, recipientsAccepted, bytesAccepted, refused, acceptance, enqueueBatch,
    enqueueTime, scanTime, scans, certificateDays, limitRefusals, limitCounting, limitsLocal,
  ]

  // MARK: Inbound

  static let reports = Metric(
    "postrider_reports_total", .counter, labels: ["kind"],
    "What reports said that came back to return paths, by kind; one for each recipient.")
  package static let inbound = [reports]

  // MARK: Discovery

  static let discoveryAnswers = Metric(
    "postrider_discovery_answers_total", .counter, labels: ["kind"],
    "Answers to mail programs that look for their settings, by form; refused, limited: none was given.")
  package static let discovery = [discoveryAnswers]

  // MARK: Worker

  static let attempts = Metric(
    "postrider_attempts_total", .counter, labels: ["outcome"], "Recipients whose attempt has ended, by outcome.")
  static let delivery = Metric(
    "postrider_delivery_seconds", .seconds, "From a message's turn in a worker to the end of its attempt.")
  static let jobsInFlight = Metric("postrider_jobs_in_flight", .gauge, "Recipients in flight in this worker.")
  static let claimBatch = Metric(
    "postrider_claim_recipients", .sizes, "Recipients that came with one claim; none: not counted.")
  static let claimTime = Metric("postrider_claim_seconds", .seconds, "One claim, with the bodies that come along.")
  static let claimFailures = Metric(
    "postrider_claim_failures_total", .counter, "Claims that the database did not answer.")
  static let completionBatch = Metric(
    "postrider_completion_recipients", .sizes, "Outcomes that shared a transaction.")
  static let completionTime = Metric("postrider_completion_seconds", .seconds, "One transaction of outcomes.")
  static let completionsWaiting = Metric(
    "postrider_completions_waiting", .gauge, "Outcomes that are known and not yet in the database.")
  static let leaseAge = Metric(
    "postrider_worker_lease_age_seconds", .gauge,
    "Since this worker sent its last heartbeat that was answered; its lease ends when that reaches worker.lease.")
  static let heartbeatFailures = Metric(
    "postrider_heartbeat_failures_total", .counter, "Heartbeats that were not answered.")
  static let slowdowns = Metric(
    "postrider_slowdowns_total", .counter, labels: ["category"],
    "How often this worker was told to send less to a site, by a rate limit or a block list entry.")
  static let probes = Metric(
    "postrider_probes_total", .counter, labels: ["result"], "Probes of sites that were down, by what they found.")
  static let sitesKnown = Metric(
    "postrider_worker_sites", .gauge, labels: ["state"],
    "Sites in trouble as this worker knows them: down, or slowed for its sending address.")
  package static let worker = [
    attempts, delivery, jobsInFlight, claimBatch, claimTime, claimFailures, completionBatch, completionTime,
    completionsWaiting, leaseAge, heartbeatFailures, slowdowns, probes, sitesKnown,
  ]

  // MARK: Keeper

  static let leading = Metric("postrider_keeper_leading", .gauge, "1 in the keeper that leads.")
  static let round = Metric("postrider_keeper_round_seconds", .seconds, "One round of all duties.")
  static let dutyFailures = Metric(
    "postrider_keeper_duty_failures_total", .counter, labels: ["duty"], "Duties that failed and are tried again.")
  static let delayed = Metric(
    "postrider_delayed_total", .counter, "Recipients whose delay notice came due.")
  static let expired = Metric("postrider_expired_total", .counter, "Recipients whose retry period ended.")
  static let notices = Metric("postrider_notices_total", .counter, "Notices to senders that were queued.")
  static let redacted = Metric(
    "postrider_redacted_total", .counter, "Messages whose bodies' keys were destroyed because their retention ended.")
  static let sessionsEnded = Metric(
    "postrider_worker_sessions_ended_total", .counter, "Worker sessions that were ended because their lease ran out.")
  static let lanesWoken = Metric(
    "postrider_lanes_woken_total", .counter, "Lanes that slept although they had jobs to do. Anything but 0 is a fault."
  )
  static let domainChecks = Metric(
    "postrider_domain_checks_total", .counter, labels: ["result"],
    "Looks at domains' records: seen (the token is there), absent, unknown (the name servers did not answer), failed.")
  static let domains = Metric(
    "postrider_domains", .gauge, labels: ["state"],
    "Domains: proven, unproven, or vanished: proven by a record that is gone. Every keeper shows the same.")
  static let keysWaiting = Metric(
    "postrider_dkim_keys_waiting", .gauge, "Keys that do not sign because their records are not there.")
  static let blocklistListed = Metric(
    "postrider_blocklist_listed", .gauge, labels: ["list", "address"],
    "1 if a block list names an address that we send from, 0 if not; every keeper looks for itself.")
  package static let keeper = [
    leading, round, dutyFailures, delayed, expired, notices, redacted, sessionsEnded, lanesWoken, domainChecks, domains,
    keysWaiting, blocklistListed,
  ]

  // MARK: The queue, as the leading keeper sees it

  static let queueEstimate = Metric(
    "postrider_queue_recipients", .gauge, "Recipients in the queue, as PostgreSQL's statistics estimate them.")
  static let queueDelay = Metric(
    "postrider_queue_delay_seconds", .gauge, "How long the most overdue recipient that was seen has been due.")
  static let queueLanes = Metric(
    "postrider_queue_lanes", .gauge, labels: ["state"],
    "Pairs of tenant and destination that were looked at: ready (has or may have due mail) or waiting.")
  static let queueIsComplete = Metric(
    "postrider_queue_complete", .gauge,
    "1 if the last look reached all that is queued; 0: counts by tenant and destination are lower bounds.")
  static let queueLook = Metric("postrider_queue_look_seconds", .gauge, "How long the last look at the queue took.")
  static let tenantRecipients = Metric(
    "postrider_tenant_queue_recipients", .gauge, labels: ["tenant"],
    "Recipients in the queue by tenant, as far as seen.")
  static let tenantDelay = Metric(
    "postrider_tenant_queue_delay_seconds", .gauge, labels: ["tenant"],
    "How long a tenant's most overdue recipient that was seen has been due.")
  static let destinationRecipients = Metric(
    "postrider_destination_queue_recipients", .gauge, labels: ["destination"],
    "Recipients in the queue by destination, as far as seen.")
  static let destinationDelay = Metric(
    "postrider_destination_queue_delay_seconds", .gauge, labels: ["destination"],
    "How long a destination's most overdue recipient that was seen has been due.")
  static let workerSessions = Metric(
    "postrider_worker_sessions", .gauge, "Worker sessions that live, as the database knows them.")
  static let oldestLease = Metric(
    "postrider_worker_sessions_lease_age_max_seconds", .gauge,
    "Since the last heartbeat of the living session that was silent for longest.")
  static let sites = Metric(
    "postrider_sites", .gauge, labels: ["state"],
    "Sites whose mail waits because of them: down, or slowed after they wanted less.")
  static let parkedLanes = Metric(
    "postrider_parked_lanes", .gauge,
    "Pairs of tenant and destination that wait for such a site; 10000 stands for that many or more.")
  package static let queue = [
    queueEstimate, queueDelay, queueLanes, queueIsComplete, queueLook, tenantRecipients, tenantDelay,
    destinationRecipients, destinationDelay, workerSessions, oldestLease, sites,
    parkedLanes,
  ]
}
