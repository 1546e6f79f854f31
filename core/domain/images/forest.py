"""Regression trees as arrays of numbers: evaluated by numpy in a fraction of a millisecond, stored without any code.

scikit-learn grows them (`core.domain.images.training`); what is kept is where each node splits and what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Nodes = NDArray[np.uint32]

MOST_DEPTH = 24
"""Levels of a tree: with 256 leaves grown best first a path is rarely over 20; each level costs ten microseconds."""


@dataclass(frozen=True)
class Forest:
    """t trees with n nodes in all; children stand beside each other. A leaf's `left` is itself and its `threshold`
    infinite, so that a walk that has arrived stays."""

    roots: Nodes
    """uint32[t]"""
    feature: NDArray[np.uint16]
    """uint16[n]: the figure that a node asks for."""
    threshold: Floats
    """float32[n]: up to here to the left."""
    left: Nodes
    """uint32[n]: the left child; the right one is the next."""
    values: Floats
    """float32[n, outputs]: mean of the labels that came to a node; the first output is the overall score."""

    def leaves(self, features: Floats) -> tuple[Nodes, Floats]:
        """Where each picture (row of `features`) ends in each tree, [pictures, t], and by how much each of its figures
        has moved the overall score on the way there, [pictures, figures], mean of the trees: after Saabas 2014
        ("Interpreting random forests"); with the roots' mean they sum to the prediction."""
        pictures, figures = features.shape
        flat, first = features.ravel(), (np.arange(pictures) * figures)[:, np.newaxis]
        node = np.repeat(self.roots[np.newaxis, :].astype(np.intp), pictures, axis=0)
        stood, places, moved = self.overall.take(node), [], []
        for _ in range(MOST_DEPTH):
            place = self.feature.take(node) + first
            after = self.left.take(node) + (flat.take(place) > self.threshold.take(node)).astype(np.intp)
            if (after == node).all():
                break
            stands = self.overall.take(after)
            places.append(place)
            moved.append(stands - stood)
            node, stood = after, stands
        leaves = node.astype(np.uint32)
        if not places:
            return leaves, np.zeros((pictures, figures), dtype=np.float32)
        sums = np.bincount(
            np.concatenate(places, axis=None), weights=np.concatenate(moved, axis=None), minlength=pictures * figures
        ).reshape(pictures, figures)
        return leaves, (sums / len(self.roots)).astype(np.float32)

    @cached_property
    def overall(self) -> Floats:
        """float32[n]: the first output, in one piece."""
        return np.ascontiguousarray(self.values[:, 0])

    def checked(self, figures: int) -> Forest:
        """Itself; ValueError where a walk could leave the arrays or not end, or a figure is asked for that there is
        not: what comes from a store is not believed."""
        nodes, here = len(self.left), np.arange(len(self.left))
        shapes = self.feature.shape == self.threshold.shape == self.left.shape == (nodes,)
        if not shapes or self.values.shape[:1] != (nodes,) or not nodes or not len(self.roots):
            raise ValueError("arrays of different lengths")
        leaf = self.left == here
        if (self.roots >= nodes).any() or (self.left < here).any() or (self.left[~leaf] >= nodes - 1).any():
            raise ValueError("a child outside its tree")
        if (self.feature >= figures).any() or np.isnan(self.threshold).any() or not np.isfinite(self.values).all():
            raise ValueError("a split or value that is none")
        if not np.isinf(self.threshold[leaf]).all() or (self.threshold[leaf] < 0).any():
            raise ValueError("a leaf that goes on")
        return self


@dataclass(frozen=True, slots=True)
class GrownTree:
    """One tree as scikit-learn's `Tree` has it: children -1 in leaves, `value` [nodes, outputs]."""

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    feature: NDArray[np.intp]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]


def forest_of(trees: Sequence[GrownTree]) -> Forest:
    """The same predictions as arrays."""
    placed = [_in_pairs(tree) for tree in trees]
    starts = np.cumsum([0, *(len(order) for order, _ in placed)])
    feature, threshold, left, values = [], [], [], []
    for tree, (order, child), start in zip(trees, placed, starts, strict=False):
        leaf = tree.left[order] < 0
        feature.append(np.where(leaf, 0, tree.feature[order]).astype(np.uint16))
        threshold.append(np.where(leaf, np.inf, _rounded_down(tree.threshold[order])).astype(np.float32))
        left.append((np.where(leaf, np.arange(len(order)), child) + start).astype(np.uint32))
        values.append(tree.value[order].astype(np.float32))
    return Forest(
        starts[:-1].astype(np.uint32),
        np.concatenate(feature),
        np.concatenate(threshold),
        np.concatenate(left),
        np.concatenate(values),
    )


def _in_pairs(tree: GrownTree) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Old number of each node in an order in which children stand beside each other, and the new one of its left
    child; no child stands before its parent."""
    order, child = [0], []
    for node in order:  # grows as it goes
        child.append(len(order))
        if tree.left[node] >= 0:
            order += [int(tree.left[node]), int(tree.right[node])]
    return np.array(order, dtype=np.intp), np.array(child, dtype=np.intp)


def _rounded_down(threshold: NDArray[np.float64]) -> Floats:
    """The largest 32-bit number that is not above: features have 32 bits, so each goes the same way at both."""
    near = threshold.astype(np.float32)
    lower: Floats = np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near)
    return lower
