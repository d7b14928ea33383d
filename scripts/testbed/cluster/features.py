"""What the built executable can do, asked from itself: a cluster is set up accordingly."""
import subprocess

from .layout import Layout


class Features:
    """Questions to one executable."""

    _answers: dict[tuple[str, ...], bool] = {}

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def has_proxy_protocol(self) -> bool:
        """Whether acceptors take the PROXY protocol from configured networks."""
        return self._accepts("--set", "smtp.proxy_protocol.allow_networks=127.0.0.0/8")

    @property
    def has_status(self) -> bool:
        """Whether each process tells its health over HTTP."""
        return self._accepts("--set", "status.listen=127.0.0.1:1")

    def redis_url(self) -> str:
        """Over Sentinel where that is understood."""
        layout = self._layout
        first = f"{layout.front('redis1')}:{layout.port('redis1')}"
        sentinels = layout.names("sentinel")
        if sentinels:
            hosts = ",".join(f"{layout.front(name)}:{layout.port(name)}" for name in sentinels)
            url = f"redis+sentinel://{hosts}/postrider/0"
            if self._accepts("--set", f"redis.url={url}"):
                return url
        return f"redis://{first}/0"

    def _accepts(self, *arguments: str) -> bool:
        key = (self._layout.postrider, *arguments)
        if key not in self._answers:
            command = [self._layout.postrider, "config", "--changed", *arguments]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            self._answers[key] = done.returncode == 0
        return self._answers[key]
