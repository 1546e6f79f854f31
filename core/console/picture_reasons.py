"""Why a picture could not be judged, in words, and what to do about it. The kinds are the reasons of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.console.text import words


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason for people."""

    what: str
    advice: str


SELLER = "Nothing here; the seller's picture has to change. It is judged anew when the listing is told again."
HOST = "Nothing, if they are few. If one host has many, its pictures are slow or away: tell who runs it."
PROVIDER = "Nothing; it is tried again by itself. If it stays, see docs/failures.md."
OPERATOR_NET = "If the host is an internal one of yours, name its network in ASSAY_IMAGE_ALLOWED_NETWORKS."
TRY_MODEL = "If many: the model does not keep to the schema; see docs/failures.md."

EXPLAINED: Mapping[str, Explained] = {
    # The picture is not there, or its address is none.
    "gone": Explained("the picture was taken down (404, 410)", SELLER),
    "bad_url": Explained("the address is no http or https URL that can be used", SELLER),
    "bad_redirect": Explained("a redirect leads nowhere", SELLER),
    "redirect_limit": Explained("more redirects than are followed", SELLER),
    "no_picture": Explained("no picture is named", SELLER),
    "no_listing": Explained("the catalogue has no such listing any more", "Send the listing, if it is on sale."),
    "listing_unknown": Explained("the catalogue has no such listing", "Send the listing, if it is on sale."),
    # The host.
    "http_4xx": Explained("the host refuses the picture (4xx)", "If one host has many: does it let our fetches in?"),
    "http_5xx": Explained("the host failed (5xx)", HOST),
    "http_unexpected": Explained("the host answered with a status that is none of a picture", HOST),
    "rate_limited": Explained("the host asked for a pause", "Nothing; it is fetched after the pause."),
    "timeout": Explained("the picture did not come within the time limit", HOST),
    "host_slow": Explained(
        "the host's last fetches all timed out: it is left alone for 1 to 10 minutes, and a try uses up an attempt",
        HOST,
    ),
    "connection": Explained("the connection failed or broke", HOST),
    "unresolved": Explained("the host's name has no address", HOST),
    "address_refused": Explained("the host's address is a private or reserved one, which is never asked", OPERATOR_NET),
    "encoded_body": Explained("a compressed body came, which was not asked for", HOST),
    "bad_answer": Explained("the host's answer is no HTTP", HOST),
    # What came.
    "too_large": Explained("more bytes than a picture may have", "The limit is ASSAY_IMAGE_MAX_BYTES."),
    "too_many_pixels": Explained("more pixels than a picture may have", "The limit is ASSAY_IMAGE_MAX_PIXELS."),
    "not_a_picture": Explained("what came is no picture, but a page or another file", SELLER),
    "unsupported_format": Explained("a format that is not judged, such as SVG or TIFF", SELLER),
    "broken_picture": Explained("the file is cut off or broken", SELLER),
    "decode_memory": Explained("decoding takes more memory than is given", SELLER),
    "decode_timeout": Explained("decoding took too long", SELLER),
    "decoder_died": Explained("the decoder died of it", "If it stays, keep the file and report it."),
    # The technical tier.
    "unusable:too_small": Explained("too small to tell the item from what is around it", SELLER),
    "unusable:too_dark": Explained("too dark to see anything", SELLER),
    "unusable:blank": Explained("one colour, nothing to see", SELLER),
    "unusable:too_blurred": Explained("too blurred, by ASSAY_IMAGE_MIN_SHARPNESS", SELLER),
    "unusable:all_text": Explained("mostly text, by ASSAY_IMAGE_MAX_TEXT", SELLER),
    # The judge.
    "missing_item": Explained("the judge's reply left this picture out", PROVIDER),
    "invalid_reply": Explained("the judge's reply could not be read", TRY_MODEL),
    "wrong_items": Explained("the judge's reply names pictures that were not asked for", TRY_MODEL),
    "truncated": Explained("the judge's reply was cut off", TRY_MODEL),
    "refused": Explained("the model refused to look at it", "A person may look at the listing."),
    "content_filter": Explained("the provider's filter stopped it", "A person may look at the listing."),
    "impossible_request": Explained("the provider does not take the request", "If all: see what the endpoint takes."),
    "listing_unusable": Explained("the listing that the task carries can't be used", "Ask again with a whole listing."),
    "overloaded": Explained("the provider is overloaded", PROVIDER),
    "server_error": Explained("the provider failed", PROVIDER),
    "network": Explained("the provider can't be reached", PROVIDER),
    "over_budget": Explained("the day's budget is used up", "It goes on at midnight UTC, or raise the budget."),
    "lane_budget": Explained("the lane's budget is used up", "It goes on at midnight UTC, or raise the lane's budget."),
    "breaker_open": Explained("calls are stopped after too many failures", "The overview says which model's, and why."),
    "in_batch": Explained("the answer is ordered in a batch", "Nothing; see /batches."),
    "unauthorised": Explained("the provider refuses the key", "Set ASSAY_LLM_API_KEY."),
    "unknown_model": Explained("the provider has no such model", "Set ASSAY_LLM_VISION_MODEL or its like."),
    "stopped": Explained("the process was told to stop under it", "Nothing; it goes on with the next one."),
    "no_database": Explained("PostgreSQL went away under it", "Nothing; it goes on by itself."),
    "crashed": Explained("the process died under it, several times", "Keep the picture and report it: it is a defect."),
    # Pictures of an evaluation's folder.
    "no_folder": Explained("the picture is a file, and no folder is named", "Give the folder with --pictures."),
    "outside_folder": Explained("the path leads out of the folder", "Correct the dataset."),
    "no_file": Explained("the file can't be read", "Correct the dataset."),
}
"""Every kind that a picture's task may carry; a test looks through the code for others."""


def explained(reason: str) -> Explained:
    """In words; a kind that is not known here says its own name."""
    return EXPLAINED.get(reason) or Explained(words(reason), "See docs/pictures.md, Failures.")
