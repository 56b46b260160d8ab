"""A scenario: a document of about twenty lines that makes an instance."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.instance import Instance
from eipyomo.radio.channel import Channel
from eipyomo.radio.links import Links
from eipyomo.radio.places import Places
from eipyomo.scenario.derived import Told
from eipyomo.scenario.facts import unit_sign
from eipyomo.scenario.making import derive
from eipyomo.scenario.parts import Parts
from eipyomo.scenario.schema import SCHEMA
from eipyomo.words import short, shown

if TYPE_CHECKING:
    import pandas as pd


class Scenario:
    """Places, channel, devices, network, server and limits, from which an instance follows.

    It keeps what was written, in the units in which it was; see ``docs/scenario.md`` for all keys.

    Parameters
    ----------
    **sections
        The sections of the document: ``places``, ``channel``, ``devices``, ``network``, ``task``,
        ``training``, ``radio``, ``server``, ``weights``, ``limits``, ``seed`` and ``name``.
        Of these only ``places`` is required.

    Raises
    ------
    InputError
        If a section or a key is unknown, a value is not allowed, or the catalogue lacks a name.
    """

    def __init__(self, **sections: Any) -> None:
        document = {
            key: value.to_dict() if isinstance(value, Channel | Places) else value
            for key, value in sections.items()
        }
        parts = Parts.of(document)  # first: what is refused may be nested too deeply to be copied
        self._document = copy.deepcopy(document)
        self._derived = derive(parts, self._document)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the scenario that a document of schema ``eipyomo/scenario@1`` describes."""
        if not isinstance(document, Mapping):
            raise InputError(f"document is {shown(document)}, but must be an object")
        sections = {str(key): value for key, value in document.items()}
        schema = sections.pop("schema", None)
        if schema != SCHEMA:
            state = "missing" if schema is None else short(schema)
            raise InputError(f"schema is {state}, but a scenario must have {SCHEMA!r}")
        return cls(**sections)

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read a scenario from a file."""
        document = read_document(path, "scenario")
        with about(path):
            return cls.from_dict(document)

    def to_dict(self) -> dict[str, Any]:
        """Return the document."""
        return {"schema": SCHEMA, **copy.deepcopy(self._document)}

    def to_json(self, path: PathLike) -> None:
        """Write the document, replacing an existing file atomically."""
        write_document(path, self.to_dict())

    def replace(self, **sections: Any) -> Self:
        """Return the scenario with other sections."""
        return type(self)(**{**self._document, **sections})

    @property
    def links(self) -> Links:
        """Where the users are, and what their gains are made of."""
        return self._derived.links

    def instance(self) -> Instance:
        """Return the instance that follows."""
        return self._derived.instance()

    def told(self) -> list[Told]:
        """Return all values of the instance but for names, each with where it comes from."""
        return list(self._derived.told())

    def explain(self) -> pd.DataFrame:
        """Return a row for every value of the instance but for names.

        Returns
        -------
        pandas.DataFrame
            ``key`` as ``--set`` has it, ``value`` in SI units, ``unit``; ``origin``: ``given``,
            ``catalogue``, ``formula``, ``drawn`` or ``letter``; ``given``: the value as it was
            given, or the formula with its numbers; ``formula`` in words; ``source``.
        """
        import pandas as pd

        return pd.DataFrame(row_of(told) for told in self.told())


def row_of(told: Told) -> dict[str, Any]:
    """Return a value and where it comes from as a row of a table."""
    fact = told.fact
    return {
        "key": told.path,
        "value": fact.value,
        "unit": unit_sign(told.key),
        "origin": fact.origin,
        "given": fact.given,
        "formula": fact.formula,
        "source": fact.source,
    }
