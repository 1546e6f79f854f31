"""The demo's last act: today's engine beside the one before it got worse, over HTTP like any other."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from cli.compose import Parts
from cli.engine_tables import differences_table, measures_table
from cli.http import bound, served
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.engine_open import open_engines
from core.adapters.engine_store import PostgresEngineStore
from core.adapters.inbox import PostgresInbox
from core.domain.engines import Sampling, drawn
from core.stages.compare_engines import EngineComparer
from demo.marketplace.picture_server import make_search_app
from demo.marketplace.world import Marketplace

QUERIES = 100
"""Of the panel: a difference of a twentieth is seen, and most of their results are judged already."""

K = 10
SEED = 1

ENGINE = """
[engines.{name}]
kind = "json"
url = "{address}/search?q={{{{query}}}}&market={{{{market}}}}&size={{{{size}}}}&from={{{{from}}}}&version={name}"
hits = "hits"
id = ""
requests_per_second = 1000
"""


async def compare_engines(
    parts: Parts, market: Marketplace, judged: Callable[[], Awaitable[None]], console: Console
) -> None:
    """Ask both for the panel's queries, have the union judged, say who is better; the run is in the console too."""
    listener = bound("127.0.0.1", 0, port_matters=True)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served(make_search_app(market, lambda: market.days - 1), listener))
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "engines.toml"
        file.write_text("".join(ENGINE.format(name=name, address=address) for name in ("before", "today")))
        settings = parts.settings.model_copy(update={"engines": str(file)})
        opened = open_engines(settings, ["before", "today"], parts.wall, parts.metrics)
        store = PostgresEngineStore(parts.pool)
        comparer = EngineComparer(
            await stack.enter_async_context(opened),
            store,
            PostgresCatalogue(parts.pool),
            PostgresInbox(parts.pool, parts.wall),
            parts.clock,
            parts.live.identity(),
        )
        queries = [each.query for each in drawn(await store.panel(), QUERIES, SEED)]
        if not queries:
            return
        fetched = await comparer.fetch(queries, Sampling(K))
        pairs = await comparer.pairs(fetched.lists)
        await comparer.queue(pairs, "backfill")
        await judged()
        made = await comparer.report(uuid.uuid4(), fetched, pairs, K, SEED)
        console.print(measures_table(made), differences_table(made))
