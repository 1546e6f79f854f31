"""Groups of pictures that look alike: a first one, and those near it.

Not chains: a picture near one that is near a third, which is not near it, is in the group of the first with
the second. In a million pictures a few are near others by chance (docs/pictures.md), and chains through these
would make one group of most of them. So a group is a star: its members are near its first picture, two of
them at most twice as far apart, and each picture that is near another is in a group with a near one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.domain.images.phash import distance

Groups = Mapping[int, Mapping[int, int]]
"""By the first hash: each hash near it, itself among them, with its distance in bits."""


def joined(groups: Groups, phash: int, within: int) -> dict[int, dict[int, int]]:
    """The groups with one hash more: it joins each whose first one is near, or is the first of a new group, which those
    near it join too. One that is known changes nothing."""
    new = {first: dict(members) for first, members in groups.items()}
    near = [first for first in new if distance(first, phash) <= within]
    for first in near:
        new[first][phash] = distance(first, phash)
    if not near:
        known = {member for members in groups.values() for member in members}
        new[phash] = {other: bits for other in {phash, *known} if (bits := distance(other, phash)) <= within}
    return new


def grouped(hashes: Iterable[int], within: int) -> dict[int, dict[int, int]]:
    """The groups of hashes that come in this order."""
    groups: dict[int, dict[int, int]] = {}
    for phash in hashes:
        groups = joined(groups, phash, within)
    return groups
