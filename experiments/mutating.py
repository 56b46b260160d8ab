"""Which mutants a file has; it needs mutmut, whose operators say which texts there are.

mutmut's runner is not used: it leaves out what is decorated, as all compiled functions are, and its
switch between versions of a function cannot be compiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

from experiments.mutants import ROOT, Mutant, Place, alike, drawn

SWAPPED = {
    one: other
    for pair in (("min", "max"), ("minimum", "maximum"), ("floor", "ceil"), ("all", "any"))
    for one, other in (pair, pair[::-1])
}
"""Names that one takes for the other, besides those of mutmut."""
LEFT_OUT = (
    "operator_string",
    "operator_arg_removal",
    "operator_assignment",
    "operator_dict_arguments",
)
"""Operators of which little is learned: a message has other words, or a value is None, which ends
in a TypeError at once."""
WORDS = (cst.Annotation, cst.Decorator, cst.FormattedString, cst.Raise)
"""What is not mutated, nor anything within."""


def mutants(file: str, place: Place, share: float) -> list[Mutant]:
    """Return the mutants of a place, or a part of them, drawn by their own text.

    Parameters
    ----------
    file
        Below the root of the repository.
    place
        Which part of the file.
    share
        Which part of them to draw.
    """
    whole, where = _parsed(file)
    found = []
    for node in _nodes(whole, where, place):
        at = where[node].start
        for other in _others(node):
            texts = (whole.code_for_node(one).strip() for one in (node, other))
            short = Mutant(file, at.line, at.column + 1, *texts)
            found.append(short if short.fits() else _by_lines(file, whole, node, other))
    return [one for one in dict.fromkeys(found) if drawn(one) < share]


@cache
def _parsed(file: str) -> tuple[Any, Any]:
    """Return a file as mutmut's operators take it, and where each part of it is."""
    text = (ROOT / file).read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    return wrapper.module, wrapper.resolve(PositionProvider)


def _nodes(node: Any, where: Any, place: Place) -> Iterator[Any]:
    """Iterate over what begins in a place of a file, without words."""
    if isinstance(node, WORDS):
        return
    if node in where:
        first, last = where[node].start.line, where[node].end.line
        if last < place.first or first > place.last:
            return
        if first >= place.first:
            yield node
    for child in node.children:
        yield from _nodes(child, where, place)


def _others(node: Any) -> Iterator[Any]:
    """Iterate over what operators put in the place of a node, but not the same number again."""
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and operator.__name__ not in LEFT_OUT:
            yield from (one for one in operator(node) if not _is_same_number(node, one))
    if isinstance(node, cst.Name) and node.value in SWAPPED:
        yield node.with_changes(value=SWAPPED[node.value])


def _is_same_number(node: Any, other: Any) -> bool:
    """Tell whether both are one number, as 1e300 and 1e+300 are."""
    is_number = isinstance(node, cst.Integer | cst.Float) and isinstance(other, type(node))
    return is_number and bool(node.evaluated_value == other.evaluated_value)


def _by_lines(file: str, whole: Any, node: Any, other: Any) -> Mutant:
    """Return a mutant as lines in the place of others: what it changes has brackets around it."""
    text, changed = whole.code, whole.deep_replace(node, other).code
    start = alike(text, changed)
    rest = alike(text[start:][::-1], changed[start:][::-1])
    start = text.rfind("\n", 0, start) + 1
    start += len(text[start:]) - len(text[start:].lstrip(" "))
    rest = len(text) - text.find("\n", len(text) - rest)
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    return Mutant(file, line, column, text[start:-rest], changed[start:-rest])
