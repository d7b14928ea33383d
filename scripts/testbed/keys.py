"""A node's files that nobody else may read: master key, certificate."""
import pathlib
import secrets
import typing

from .processes import run


def make_master_key(directory: pathlib.Path, name: str) -> None:
    """`directory`/master.keys with one key."""
    file = directory / "master.keys"
    file.touch(mode=0o600)
    file.write_text(f"{name}:{secrets.token_hex(32)}\n")


def make_certificate(
    directory: pathlib.Path, stem: str = "server", names: typing.Sequence[str] = ("localhost",), places: str = "127.0.0.1",
) -> None:
    """`directory`/STEM.pem and STEM.key: ECDSA P-256, signed by itself: what costs is the handshake, not the chain.

    - names: host names that it is for; the first is its common name too.
    - places: an address that it is for.
    """
    run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", f"/CN={names[0]}", "-addext",
        "subjectAltName=" + ",".join([*(f"DNS:{name}" for name in names), f"IP:{places}"]),
        "-keyout", f"{directory}/{stem}.key", "-out", f"{directory}/{stem}.pem",
    ])
