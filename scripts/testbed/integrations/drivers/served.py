"""Something that runs while a server of a guide serves."""
import subprocess
import sys
import time
import typing


def while_served(command: list[str], port: int, ask: typing.Callable[[], int]) -> int:
    """Starts the server, waits until it listens, asks. Returns what `ask` does; what the server says goes to stdout."""
    if _listens(port):
        # It would be asked instead of the guide's.
        print(f"port {port} is somebody else's already")
        return 1
    server = subprocess.Popen(command, stdout=sys.stdout, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                print(f"{command} does not listen on port {port}")
                return 1
            time.sleep(0.02)
        return ask()
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    wanted = f":{port:04X} "
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            if any(" 0A " in line and wanted in line.split(" 0A ")[0] for line in lines):
                return True
    return False
