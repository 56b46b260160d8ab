"""One instance and one method with its options, as what is found is kept and looked up by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.solvers.methods import resolve
from eipyomo.studies.versions import executables, version_of_code
from eipyomo.validation import require_kind
from eipyomo.words import short

Key = tuple[str, str, str, str]
"""Digest of the instance, method, options as JSON, version of all that computes."""

EFFECTS = ("certificate",)
"""Options that write files: nothing would, where a cell is looked up."""


@dataclass(frozen=True)
class Cell:
    """One instance, solved by one method with options; nothing of it can be changed.

    Raises
    ------
    InputError
        If the method or an option is unknown, or the method does not handle the problem.
    """

    instance: Instance
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no worker could run, and keep a copy of the options."""
        require_kind("instance", self.instance, Instance)
        require_kind("options", self.options, Mapping)
        resolve(self.method, dict(self.options)).of(self.instance)
        for name in EFFECTS:
            if name in self.options:
                raise InputError(
                    f"{name} is no option of a cell, whose result may be looked up: use solve"
                )
        try:
            text = json.dumps(self.options, allow_nan=False, default=_plain)
        except (TypeError, ValueError):
            raise InputError(
                f"options of method {self.method!r} are {short(self.options)}, but must be finite "
                "numbers, texts, true or false"
            ) from None
        object.__setattr__(self, "options", _frozen(json.loads(text)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be made by the constructor."""
        return type(self), (self.instance, self.method, self.arguments())

    def arguments(self) -> dict[str, Any]:
        """Return the options as a method takes them."""
        arguments: dict[str, Any] = json.loads(self._options_text())
        return arguments

    def _options_text(self) -> str:
        return json.dumps(self.options, sort_keys=True, default=_plain)

    @cached_property
    def key(self) -> Key:
        """What the cell is stored under; free-text names are no part of it."""
        found = version_of_code() + executables(self.method, self.arguments())
        return self.instance.digest(), self.method, self._options_text(), found


def _plain(value: Any) -> Any:
    """Return a frozen mapping or a numpy scalar as JSON has it."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _frozen(value: Any) -> Any:
    """Return what was read from JSON, unchangeable in depth."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(part) for key, part in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
