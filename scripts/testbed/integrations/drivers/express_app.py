"""Runs an Express application of a guide: starts app.js, waits until it listens, runs post.sh. The exit code is
post.sh's."""
import subprocess
import sys

from served import while_served


def post() -> int:
    """What the page tells a user to run against the application."""
    return subprocess.run(["sh", "-eu", "post.sh"]).returncode


sys.exit(while_served(["node", "app.js"], 3000, post))
