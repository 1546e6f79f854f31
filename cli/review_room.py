"""The review queue as settings and database make it, for the console and for the commands."""

from __future__ import annotations

from core.adapters.catalogue import PostgresCatalogue
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.postgres import Pool
from core.adapters.review_sources import PostgresReviewSources
from core.adapters.reviews import PostgresReviews
from core.review_ports import ReviewRoom
from core.settings import Settings
from core.stages.review_fill import FillParts


def review_room(settings: Settings, pool: Pool) -> ReviewRoom:
    """What the review pages are given."""
    return ReviewRoom(PostgresReviews(pool), settings.review_lease_s, settings.review_adjudicators)


def fill_parts(pool: Pool) -> FillParts:
    """What filling the queue reads and writes."""
    return FillParts(
        PostgresReviewSources(pool),
        PostgresReviews(pool),
        PostgresDatasets(pool),
        PostgresRuns(pool),
        PostgresCatalogue(pool),
    )
