"""The benchmark's parts: real processes of Postrider, Postfix, PostgreSQL and Redis, started, loaded, measured.

`main` dispatches to one module for each measurement; each has `run(bench) -> dict`. What they share:

- `bench`: the run itself: directory, progress lines, results
- `processes`, `usage`: children that never outlive the run, and what they cost
- `postgres`, `libpq`, `node`: a Postrider node with a database of its own
- `sink`, `source`: the two ends of the mail
"""
