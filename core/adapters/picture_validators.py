"""Validators: what a host says by which a picture can be asked for again only if it changed (RFC 9110 8.8, 13.1).

They belong to the URL that gave them. A redirect that changes more than the scheme leads to another resource, whose
validators mean nothing at the URL one asks first, nor the other way round: there none is kept and none is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from yarl import URL

MAX_ETAG_CHARACTERS = 256
"""Hosts send 20 to 100 (a hash, a size, a time); what is longer is a place to hide data that we would carry back."""

MAX_DATE_CHARACTERS = 40
"""An HTTP date has 29 characters, in its longest obsolete form 33."""


@dataclass(frozen=True, slots=True)
class Validators:
    """As the host sent them; empty where it sent none that can be used."""

    etag: str = ""
    last_modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)

    def headers(self) -> dict[str, str]:
        """Both where there are both: a server that knows entity tags leaves the date aside (RFC 9110 13.1.3)."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


NONE = Validators()


def usable(etag: str, last_modified: str) -> Validators:
    """Those that may be kept and sent: printable ASCII of a sensible length, and a date that reads as one."""
    tag, date = etag.strip(), last_modified.strip()
    return Validators(
        etag=tag if _is_plain(tag, MAX_ETAG_CHARACTERS) else "",
        last_modified=date if _is_plain(date, MAX_DATE_CHARACTERS) and _is_date(date) else "",
    )


def given_by(headers: Mapping[str, str]) -> Validators:
    """The validators of an answer."""
    return usable(headers.get("ETag", ""), headers.get("Last-Modified", ""))


def same_resource(one: URL, other: URL) -> bool:
    """Whether two URLs differ in nothing but the scheme: a host that sends http on to https serves one picture."""
    return _but_scheme(one) == _but_scheme(other)


def _but_scheme(url: URL) -> tuple[str | None, int | None, str]:
    return url.host, None if url.is_default_port() else url.port, url.raw_path_qs


def _is_plain(value: str, longest: int) -> bool:
    return len(value) <= longest and value.isascii() and value.isprintable()


def _is_date(value: str) -> bool:
    try:
        parsedate_to_datetime(value)
    except ValueError:
        return False
    return True
