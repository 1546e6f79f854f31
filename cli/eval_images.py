"""`assay eval images`: pictures spoilt step by step and written over, before judges and students."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
import typer

from cli.database import migrated, reads_of
from cli.eval_datasets import dataset_named
from cli.eval_images_bases import (
    Wanted,
    bare_listing,
    drawn,
    of_dataset,
    of_folder,
    refuse_without_features,
)
from cli.eval_images_told import Found, as_json, falls_short, found_of, print_found
from cli.eval_options import PictureFolder, refuse_no_folder
from cli.eval_parts import EvalParts, eval_parts
from cli.eval_progress import Watch, duration, watched
from cli.eval_run import confirm_start, stopped_by_signals
from cli.eval_running import refuse_over
from cli.judge_identity import judge_book, judge_from
from cli.produce import read_whole
from core.adapters.clock import SystemClock
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.llm_endpoint import Surroundings
from core.adapters.picture_files import FilePictures
from core.adapters.picture_variants import can_write, checked_font, spoilt, untouched, written
from core.adapters.pictures import HttpPictureSource
from core.domain.evaluation.costing import CostEstimate, PlannedCall, estimated
from core.domain.fields import Unusable
from core.domain.images.picture_canaries import CANARIES
from core.domain.images.student import Student
from core.domain.judges import LIVE
from core.errors import UsageError
from core.eval_facts import EvalItem, JudgeVersion, RunState
from core.ports import Listing, Picture
from core.settings import Settings, load_settings, required, secrets_of
from core.stages.eval_images import (
    ATTACKED,
    FAMILIES,
    UNTOUCHED,
    AnswerKey,
    BasePicture,
    Family,
    ImageAnswer,
    ImageTrial,
    JudgeScorer,
    Scorer,
    StudentScorer,
    Variant,
    key_of,
    variant_request,
    variants_of,
)
