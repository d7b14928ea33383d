"""A whole cluster on this machine's loopback addresses: `scripts/cluster`.

- `layout`: who is who, and where
- `services`: what each of them is started with
- `daemons`: processes by name: start, kill, freeze, thaw, end
- `relay`: what stands before every server, so that connections can be cut
- `cluster`: all of it together
"""
