"""Checks of the files in cluster/: `scripts/check-cluster`.

- `main`: gets the tools, then runs the tests with them
- `case`: what the tests share
- `test_machines`: HAProxy, systemd, Patroni
- `test_containers`: image and compose file
- `test_kubernetes`: manifests
- `test_running`: HAProxy's configuration before two acceptors, the scripts of Redis and of the standby
- `test_restore`: backup, restore to an earlier time, and what is done then (docs/operations.md)
"""
