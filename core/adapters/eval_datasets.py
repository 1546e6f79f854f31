"""Datasets of evaluation in PostgreSQL: port `DatasetStore`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.guidelines import context_text, read_context
from core.eval_facts import Dataset, EvalItem
from core.eval_ports import LEAST_PREFIX

CHUNK = 5_000
"""Items of one statement: with whole products some 8 MB, under a second's work."""

_FIELDS = "name, version, kind, source, licence, rule, anchors, items, queries, raters, made_at, made_by"

_SAVE = f"""
INSERT INTO assay_data.eval_datasets ({_FIELDS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text[], $11, $12)
ON CONFLICT (name, version) DO NOTHING RETURNING id
"""  # noqa: S608 - only constants of this file enter

_FIND = f"""
SELECT {_FIELDS} FROM assay_data.eval_datasets
WHERE name = $1 AND ($2 = '' OR starts_with(version, $2)) ORDER BY made_at DESC, id DESC LIMIT 1
"""  # noqa: S608 - only constants of this file enter

_FIND_VERSION = f"""
SELECT {_FIELDS} FROM assay_data.eval_datasets WHERE starts_with(version, $1) ORDER BY made_at DESC, id DESC LIMIT 1
"""  # noqa: S608 - only constants of this file enter

_ALL = f"SELECT {_FIELDS} FROM assay_data.eval_datasets ORDER BY made_at DESC, id DESC"  # noqa: S608 - as above

_SAVE_ITEMS = """
INSERT INTO assay_data.eval_items (dataset, position, item_id, split, application, market, language, query, context,
    listing_id, listing, image_url, segment, ranks, truth, ratings)
SELECT $1, position, item_id, split, application, market, language, query, context, listing_id, listing::jsonb,
    image_url, segment::jsonb, ranks::jsonb, truth, ratings::jsonb
FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::smallint[], $16::text[])
    AS i (position, item_id, split, application, market, language, query, context, listing_id, listing, image_url,
        segment, ranks, truth, ratings)
"""

_ITEMS = """
SELECT item_id, split, application, market, language, query, context, listing_id, listing, image_url, segment, ranks,
    truth, ratings
FROM assay_data.eval_items
WHERE dataset = (SELECT id FROM assay_data.eval_datasets WHERE name = $1 AND version = $2) ORDER BY position
"""

_ANCHORS = """
SELECT query, listing ->> 'title' AS title, listing ->> 'listing_id' AS listing_id FROM assay_data.anchors
UNION
SELECT i.query, i.listing ->> 'title', i.listing_id
FROM assay_data.eval_items AS i JOIN assay_data.eval_datasets AS d ON d.id = i.dataset
WHERE d.anchors AND d.kind = 'relevance'
ORDER BY 1, 2, 3
"""


class PostgresDatasets:
    """Port `DatasetStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, dataset: Dataset, items: Sequence[EvalItem]) -> bool:
        async with transaction(self._pool) as held:
            key = await held.fetchval(_SAVE, *_row(dataset))
            if key is None:
                return False
            for start in range(0, len(items), CHUNK):
                await _insert(held, key, start, items[start : start + CHUNK])
        return True

    async def find(self, ref: str) -> Dataset | None:
        name, _, version = ref.partition("@")
        async with connection(self._pool) as held:
            row = await held.fetchrow(_FIND, name, version)
            if row is None and "@" not in ref and len(ref) >= LEAST_PREFIX:
                row = await held.fetchrow(_FIND_VERSION, ref)
        return _dataset(row) if row else None

    async def all(self) -> Sequence[Dataset]:
        async with connection(self._pool) as held:
            return [_dataset(row) for row in await held.fetch(_ALL)]

    async def items(self, dataset: Dataset) -> Sequence[EvalItem]:
        async with connection(self._pool) as held:
            return [_item(row) for row in await held.fetch(_ITEMS, dataset.name, dataset.version)]

    async def anchor_texts(self) -> Sequence[AnchorText]:
        async with connection(self._pool) as held:
            return [
                AnchorText(row["query"], row["title"] or "", row["listing_id"]) for row in await held.fetch(_ANCHORS)
            ]


async def _insert(held: Connection, key: int, start: int, items: Sequence[EvalItem]) -> None:
    rows = [(start + place, *_item_row(item)) for place, item in enumerate(items)]
    await held.execute(_SAVE_ITEMS, key, *(list(column) for column in zip(*rows, strict=True)))


def _row(dataset: Dataset) -> tuple[object, ...]:
    return (
        dataset.name,
        dataset.version,
        dataset.kind,
        dataset.source,
        dataset.licence,
        dataset.rule,
        dataset.anchors,
        dataset.items,
        dataset.queries,
        list(dataset.raters),
        dataset.made_at,
        dataset.made_by,
    )


def _item_row(item: EvalItem) -> tuple[object, ...]:
    return (
        item.item_id,
        item.split,
        item.application,
        item.market,
        item.language,
        item.query,
        context_text(item.context),
        item.listing_id,
        None if item.listing is None else encode_json(item.listing),
        item.image_url,
        encode_json(item.segment),
        encode_json(item.ranks),
        item.truth,
        encode_json(item.ratings),
    )


def _dataset(row: asyncpg.Record) -> Dataset:
    return Dataset(**{**dict(row), "raters": tuple(row["raters"])})


def _item(row: asyncpg.Record) -> EvalItem:
    return EvalItem(**{**dict(row), "context": read_context(row["context"])})
