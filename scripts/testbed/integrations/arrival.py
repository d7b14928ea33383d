"""A message that arrived, against what its page says."""
import email
import email.message
import email.policy
import typing

from .node import Arrived
from .pages import Expected


def differences(arrived: Arrived, expected: Expected, recipient: str) -> list[str]:
    """What is not as the page says, in words; empty when all is."""
    message = email.message_from_bytes(arrived.octets, policy=email.policy.default)
    found = [
        _difference("the reverse-path", arrived.reverse_path, expected.sender),
        _difference("the recipients", arrived.recipients, [recipient]),
        *(_difference(name, str(message.get(name, "")), value) for name, value in expected.fields.items()),
        *(_difference(kind, _content(message, kind), stated)
          for kind, stated in (("text/plain", expected.text), ("text/html", expected.html)) if stated is not None),
    ]
    if expected.text is not None and expected.html is not None:
        # A cover around the alternative changes nothing for a reader; curl makes one.
        kinds = [part.get_content_type() for part in message.walk()]
        kinds = kinds[1:] if kinds[0] == "multipart/mixed" else kinds
        found.append(_difference("the parts", kinds, ["multipart/alternative", "text/plain", "text/html"]))
    return [difference for difference in found if difference]


def _difference(what: str, seen: typing.Any, wanted: typing.Any) -> str:
    return "" if seen == wanted else f"{what}: {seen!r} instead of {wanted!r}"


def _content(message: email.message.EmailMessage, kind: str) -> str | None:
    """The decoded octets of the first part of a kind, by its own character set; line ends as programs write them."""
    for part in message.walk():
        if part.get_content_type() == kind:
            octets = part.get_payload(decode=True)
            return octets.decode(part.get_content_charset("us-ascii")).replace("\r\n", "\n")
    return None
