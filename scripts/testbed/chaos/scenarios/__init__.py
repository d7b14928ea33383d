"""The faults by name. A scenario is a function that is given a `Run`: a cluster under load, judged afterwards."""
from . import acceptors, database, durability, everything, keepers, redis, remote, remotetls, workers
from .registry import ALL, Scenario

__all__ = ["ALL", "Scenario", "acceptors", "database", "durability", "everything", "keepers", "redis", "remote", "remotetls",
           "workers"]
