"""HAProxy's configuration: all acceptors behind one address, those that are ready first."""
from .features import Features
from .layout import Layout


def configuration(layout: Layout, name: str) -> str:
    """The file's text."""
    features = Features(layout)
    proxy = " send-proxy-v2" if features.has_proxy_protocol else ""
    text = """
        defaults
          mode tcp
          timeout connect 5s
          timeout client 1h
          timeout server 1h
          timeout check 2s
          option redispatch
          retries 3
        """
    for purpose in ("tls", "starttls"):
        checks, check = "option httpchk GET /readyz", "check"
        if not features.has_status:
            checks = "option smtpchk EHLO haproxy.cluster.example"
            check += (" check-ssl verify none" if purpose == "tls" else "") + (" check-send-proxy" if proxy else "")
        # When none is ready whoever is there says why, in a 4xx.
        text += f"""
        frontend {purpose}
          bind {layout.front(name)}:{layout.port(name, purpose)}
          use_backend any_{purpose} if {{ nbsrv(ready_{purpose}) eq 0 }}
          default_backend ready_{purpose}
        backend ready_{purpose}
          balance leastconn
          {checks}
          default-server inter 1s fall 2 rise 1 {check}{proxy}
        """
        servers = [(one, f"{layout.front(one)}:{layout.port(one, purpose)}") for one in layout.names("acceptor")]
        for acceptor, place in servers:
            where = f" addr {layout.back(acceptor)} port {layout.port(acceptor, 'status')}"
            text += f"  server {acceptor} {place}{where if features.has_status else ''}\n"
        text += f"backend any_{purpose}\n balance leastconn\n default-server{proxy}\n"
        text += "".join(f"  server {acceptor} {place}\n" for acceptor, place in servers)
    return "\n".join(line.strip() for line in text.splitlines()) + "\n"
