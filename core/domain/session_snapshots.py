"""A partition's open sessions as bytes: encoded at once, packed wherever there is time, read in every form there was.

An encoded state starts with the number of its form; form 1, of the first releases, had none and was always packed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from core.domain.sessions import RunSnapshot, Search, Session, shared

_FORM = b"\x02"
_PACKED = b"\x78"
"""The first byte of zlib's format; no form's number, nor the first byte of form 1 (a MessagePack list)."""
_LEVEL = 1
"""zlib level: higher ones take three times as long for a tenth less."""


class _Search1(msgspec.Struct, array_like=True, gc=False):
    query: str
    market: str
    start: int
    last: int
    ids: list[str]
    engaged: bool = False
    zero_result: bool | None = None


class _Session1(msgspec.Struct, array_like=True, gc=False):
    application: str
    identity: str
    low: int
    high: int
    records: int
    searches: list[_Search1]
    closed: bool = False


class _RunSnapshot1(msgspec.Struct, array_like=True):
    run: str
    watermark: int
    sessions: list[_Session1]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[RunSnapshot]).decode
_decode1 = msgspec.msgpack.Decoder(list[_RunSnapshot1]).decode


def encoded(runs: Sequence[RunSnapshot]) -> bytes:
    """The state of a partition's runs: 2 microseconds a session of three searches, so fit for an event loop."""
    return _FORM + _encode(runs)


def packed(state: bytes) -> bytes:
    """An encoded state, compressed to a fifth. zlib lets other threads run meanwhile: fit for one of its own."""
    return zlib.compress(state, _LEVEL)


def decoded(state: bytes) -> list[RunSnapshot]:
    """The runs of a state in any form, packed or not."""
    plain = zlib.decompress(state) if state[:1] == _PACKED else state
    if plain[:1] != _FORM:
        return [_of_form_1(run) for run in _decode1(plain)]
    runs = _decode(memoryview(plain)[1:])
    for run in runs:
        _share_texts(run.sessions)
    return runs


def _share_texts(sessions: Sequence[Session]) -> None:
    """Every text that many sessions have in common was decoded anew for each."""
    queries: dict[str, str] = {}
    for session in sessions:
        session.application = shared(session.application)
        for search in session.searches:
            search.market = shared(search.market)
            search.query = queries.setdefault(search.query, search.query)


def _of_form_1(run: _RunSnapshot1) -> RunSnapshot:
    return RunSnapshot(run.run, run.watermark, [_session_of_form_1(session) for session in run.sessions])


def _session_of_form_1(old: _Session1) -> Session:
    searches = [Search(s.query, s.market, s.start, s.last, s.engaged, s.zero_result) for s in old.searches]
    owners = {query_id: place for place, search in enumerate(old.searches) for query_id in search.ids}
    return Session(old.application, old.identity, old.low, old.high, old.records, searches, owners)
