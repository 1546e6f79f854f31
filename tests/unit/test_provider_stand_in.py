"""The stand-in for a provider: what the benchmarks and fault runs measure by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.judging import DescriptionReply, GuidelineReply, JudgementsReply, PictureScoresReply
from core.domain.strict_schema import strict_schema
from demo.offline_judge.prompt import Prompt
from tests.support.provider.answers import Answers, label_of
from tests.support.provider.books import ON_ITS_WAY_S, Books, Stats
from tests.support.provider.counting import FIRST, STEP, PromptCache
from tests.support.provider.knobs import Fault, Knobs, parsed
from tests.support.provider.meters import Meter, span
from tests.support.provider.server import serve

FAST = Knobs(median_ms=1, p99_ms=1)
USER = '### QUERY\n{"query":"red shoes"}\n### PRODUCTS\n{"item":"p1","title":"shoe"}\n{"item":"p2","title":"boot"}\n'


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


# --- Limits ----------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 500)), max_size=200), st.sampled_from([1.0, 60.0]))
def test_no_more_passes_than_the_bucket_held_and_was_refilled_with(
    arrivals: list[tuple[float, int]], burst_s: float
) -> None:
    clock = Time()
    meter = Meter(Knobs(requests_per_minute=60, tokens_per_minute=6_000, burst_s=burst_s), clock)
    began, requests, tokens = clock.now, 0, 0
    for wait, amount in arrivals:
        clock.now += wait
        if meter.admit(amount) is None:
            requests, tokens = requests + 1, tokens + amount
    passed = clock.now - began + burst_s
    assert requests <= passed + 1
    assert tokens <= passed * 100 + 500


def test_who_waits_as_long_as_told_passes() -> None:
    clock = Time()
    meter = Meter(Knobs(requests_per_minute=60, burst_s=1.0), clock)
    assert meter.admit(1) is None
    refusal = meter.admit(1)
    assert refusal is not None
    clock.now += refusal.retry_after
    assert meter.admit(1) is None


def test_headers_tell_the_minutes_bucket() -> None:
    meter = Meter(Knobs(requests_per_minute=60, tokens_per_minute=6_000), Time())
    meter.admit(1_000)
    assert meter.headers() == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1.000s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "5000",
        "x-ratelimit-reset-tokens": "10.000s",
    }


@pytest.mark.parametrize(("seconds", "text"), [(0.0172, "18ms"), (1.2, "1.200s"), (360.0, "6m0s")])
def test_a_time_to_wait_is_written_as_openai_does(seconds: float, text: str) -> None:
    assert span(seconds) == text


# --- The prompt cache ------------------------------------------------------------------------------------


def test_a_prefix_is_cached_in_steps_from_1024_tokens_on_once_a_call_with_it_was_answered() -> None:
    cache = PromptCache(300.0, Time())
    text = "x" * 4 * (FIRST + 2 * STEP) + "y" * 40
    first = cache.prefixes("one", text)
    assert cache.cached(first) == 0
    cache.keep(first)
    assert cache.cached(cache.prefixes("one", text[: -4 * STEP] + "z" * 4 * STEP)) == FIRST + STEP
    assert cache.cached(cache.prefixes("another", text)) == 0


def test_a_prefix_is_forgotten() -> None:
    clock = Time()
    cache = PromptCache(300.0, clock)
    prefixes = cache.prefixes("one", "x" * 4 * FIRST)
    cache.keep(prefixes)
    clock.now += 301
    assert cache.cached(prefixes) == 0


# --- Answers ---------------------------------------------------------------------------------------------


def _prompt(purpose: str) -> Prompt:
    sections = {
        "QUERY": [{"query": "red shoes"}],
        "PRODUCTS": [{"item": name, "title": name} for name in ("p1", "p2", "p3")],
    }
    return Prompt("m", purpose, 1_000, sections, {"p1": b"", "p2": b""}, "", "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("purpose", "reply"),
    [
        ("guideline", GuidelineReply),
        ("judgements", JudgementsReply),
        ("picture_description", DescriptionReply),
        ("picture_scores", PictureScoresReply),
    ],
)
def test_every_purpose_is_answered_by_its_schema(purpose: str, reply: type[GuidelineReply]) -> None:
    text = Answers().text(_prompt(purpose), strict_schema(reply), None, Random(1))
    assert reply.model_validate_json(text)


def test_every_item_is_graded_once_by_what_is_asked() -> None:
    text = Answers().text(_prompt("judgements"), strict_schema(JudgementsReply), None, Random(1))
    found = JudgementsReply.model_validate_json(text).judgements
    assert [(each.item, each.label) for each in found] == [(n, label_of("red shoes", n)) for n in ("p1", "p2", "p3")]


@pytest.mark.parametrize("fault", ["wrong_items", "missing_item"])
def test_items_that_do_not_match(fault: Fault) -> None:
    text = Answers().text(_prompt("judgements"), strict_schema(JudgementsReply), fault, Random(1))
    assert [each.item for each in JudgementsReply.model_validate_json(text).judgements] != ["p1", "p2", "p3"]


# --- The books -------------------------------------------------------------------------------------------


def test_a_call_that_comes_before_its_retry_after_is_over_is_a_violation() -> None:
    clock = Time()
    books = Books(clock)
    books.refuse(books.arrive("key"), "key", "storm", 5.0)
    clock.now += ON_ITS_WAY_S / 2
    books.arrive("key")  # it was on its way
    clock.now += 2
    books.arrive("key")
    books.arrive("another key")
    clock.now += 3
    books.arrive("key")
    assert books.stats().violations == 1


def test_pairs_that_are_billed_again_are_counted() -> None:
    books = Books()
    for pairs in ([("q", "a"), ("q", "b")], [("q", "b"), ("q", "c")]):
        books.bill(books.arrive("key"), (10, 0, 1), pairs)
    stats = books.stats()
    assert (stats.pairs, stats.pairs_again, stats.calls_again) == (3, 1, 1)


# --- Over HTTP -------------------------------------------------------------------------------------------


def _body(max_tokens: int = 500) -> dict[str, object]:
    schema = {"name": "judgements", "strict": True, "schema": strict_schema(JudgementsReply)}
    return {
        "model": "m",
        "messages": [{"role": "system", "content": "rules"}, {"role": "user", "content": USER}],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_completion_tokens": max_tokens,
    }


class Client:
    """Sends to one stand-in."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session, self._base_url = session, base_url

    async def post(self) -> tuple[int, Mapping[str, str], bytes]:
        """One call."""
        async with self._session.post(f"{self._base_url}/chat/completions", json=_body()) as answer:
            return answer.status, answer.headers, await answer.read()

    async def stats(self) -> Stats:
        """What it kept."""
        async with self._session.get(self._base_url.removesuffix("v1") + "_stats") as answer:
            return msgspec.json.decode(await answer.read(), type=Stats)


@asynccontextmanager
async def served(knobs: Knobs) -> AsyncIterator[Client]:
    async with serve(knobs) as base_url, aiohttp.ClientSession() as session:
        yield Client(session, base_url)


async def test_an_answer_says_what_it_took_and_what_is_left() -> None:
    async with served(Knobs(median_ms=1, p99_ms=1, requests_per_minute=60, tokens_per_minute=60_000)) as client:
        status, headers, body = await client.post()
        stats = await client.stats()
    usage = msgspec.json.decode(body)["usage"]
    assert status == 200
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert stats.billed["answered"] == {
        "calls": 1, "input": usage["prompt_tokens"], "cached": 0, "output": usage["completion_tokens"],
    }  # fmt: skip


async def test_over_the_limit_is_a_429_that_says_how_long() -> None:
    async with served(Knobs(median_ms=1, p99_ms=1, requests_per_minute=2, start=0.5)) as client:
        assert (await client.post())[0] == 200
        status, headers, _ = await client.post()
    assert (status, headers["retry-after"]) == (429, "30")
    assert 29_000 < int(headers["retry-after-ms"]) <= 30_000


async def test_a_storm_refuses_everything_until_it_is_over() -> None:
    async with served(Knobs(median_ms=1, p99_ms=1, storm_for=0.3)) as client:
        status, headers, _ = await client.post()
        await asyncio.sleep(int(headers["retry-after-ms"]) / 1000)
        assert (status, (await client.post())[0]) == (429, 200)


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("503", 503), ("529", 529)])
async def test_server_errors_are_not_billed(fault: str, status: int) -> None:
    async with served(Knobs(median_ms=1, p99_ms=1, faults=f"{fault}=1")) as client:
        assert (await client.post())[0] == status
        assert {kind: billed["calls"] for kind, billed in (await client.stats()).billed.items()} == {
            "answered": 0, "unanswered": 0,
        }  # fmt: skip


async def test_a_reset_is_billed_for_nobody() -> None:
    async with served(Knobs(median_ms=1, p99_ms=1, faults="reset=1")) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.post()
        stats = await client.stats()
    assert stats.outcomes == {"reset": 1}
    assert stats.billed["unanswered"]["calls"] == 1


async def test_who_goes_away_is_billed_for_nobody() -> None:
    async with served(Knobs(faults="hang=1")) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.post()
        async with asyncio.timeout(5):
            while (stats := await client.stats()).billed["unanswered"]["calls"] == 0:  # noqa: ASYNC110 - a server's
                await asyncio.sleep(0.01)
    assert stats.outcomes == {"hang": 1}


def test_knobs_are_options() -> None:
    knobs = Knobs(requests_per_minute=60, faults="500=0.5,reset=0.1", numbered=True, charge="asked", start=0.5)
    assert parsed(knobs.arguments()) == knobs


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Knobs(faults="fire=1").shares()
