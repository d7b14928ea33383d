"""What the benchmark, the cluster and the fault scenarios share: real processes, PostgreSQL, ports, waiting.

- `processes`: children that never outlive a run
- `cluster`: a whole cluster on loopback addresses (scripts/cluster)
- `chaos`: faults against it under load, and the ledger that tells whether anything was lost (scripts/chaos)
"""
