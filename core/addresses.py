"""Whether a setting's text is an address, told without repeating it: a password may stand in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[[^\[\]]*\]|[^\s:\[\]]*)(?::\d{0,5})?")
_BROKER = re.compile(r"(?:[A-Z_]+://)?(?:\[[^\[\]]+\]|[^\s:/\[\]]+)(?::\d{1,5})?")


def are_brokers(text: str) -> bool:
    """Whether it is host:port, comma-separated; the port may be left out, a listener's name put before."""
    return all(_BROKER.fullmatch(part.strip()) for part in text.split(","))


def is_dsn(text: str) -> bool:
    """Whether hosts and ports can be told apart: of a password with a bare / a part would be taken for a port."""
    try:
        parts = urlsplit(text)
    except ValueError:  # its text repeats the address
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return parts.scheme in {"postgresql", "postgres"} and all(map(_HOST.fullmatch, hosts))
