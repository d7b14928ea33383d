"""A tenant's backlog: real messages from the acceptor, each turned by SQL into many recipients that wait far apart."""
import dataclasses

from .node import Node
from .source import smtp_source

_SIZE = 2_048


@dataclasses.dataclass(frozen=True)
class Backlog:
    """So many messages of a tenant, with so many recipients each, spread evenly over domains."""

    tenant: str
    messages: int
    copies: int
    domains: tuple[str, ...]


def stock(node: Node, backlogs: list[Backlog]) -> None:
    """Queues the backlogs. The node's acceptor runs, its workers do not, and nothing else is queued."""
    smtp_source(node.acceptors[0].plain, sum(backlog.messages for backlog in backlogs), _SIZE, reuses=True)
    first = 0
    for backlog in backlogs:
        domains = "ARRAY[" + ", ".join(f"'{domain}'" for domain in backlog.domains) + "]"
        node.query(
            f"""
            WITH owner AS (SELECT id FROM postrider.tenant WHERE name = '{backlog.tenant}')
            INSERT INTO postrider.lane (tenant, destination) SELECT o.id, d FROM owner o, unnest({domains}) d
            ON CONFLICT DO NOTHING;

            CREATE TEMP TABLE picked AS
              SELECT m.id, m.day, o.id AS tenant, row_number() OVER (ORDER BY m.id) AS place
              FROM (SELECT id, day FROM postrider.message ORDER BY id OFFSET {first} LIMIT {backlog.messages}) m,
                postrider.tenant o WHERE o.name = '{backlog.tenant}';
            DELETE FROM postrider.job j USING picked p WHERE j.message = p.id;
            UPDATE postrider.message m SET tenant = p.tenant, notify = array_fill(NULL::smallint, ARRAY[{backlog.copies}]),
              original_recipients = array_fill(NULL::bytea, ARRAY[{backlog.copies}]),
              recipients = array_fill(convert_to('someone@' || ({domains})[1 + p.place % {len(backlog.domains)}],
                'UTF8'), ARRAY[{backlog.copies}])
            FROM picked p WHERE m.id = p.id AND m.day = p.day;
            INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
              SELECT p.id, n, l.id, p.day, now() - interval '1 hour' + (n * {backlog.messages} + p.place)
                * interval '1 hour' / {(backlog.copies + 2) * backlog.messages}, now() + interval '5 days'
              FROM generate_series(1, {backlog.copies}) n CROSS JOIN picked p
              JOIN postrider.lane l ON l.tenant = p.tenant
                AND l.destination = ({domains})[1 + p.place % {len(backlog.domains)}]
              ORDER BY n, p.place;
            UPDATE postrider.lane SET ready = true, wake_at = now(), scan_from = '-infinity', scan_next = NULL,
              scan_xid = NULL WHERE tenant IN (SELECT tenant FROM picked);
            DROP TABLE picked;
            """)
        first += backlog.messages
    node.query("VACUUM (ANALYZE) postrider.job")
    node.query("CHECKPOINT")
