"""Files that hold an instance or links, or a scenario that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eipyomo import radio, scenario
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document
from eipyomo.instance import Instance
from eipyomo.scenario.schema import SCHEMA

if TYPE_CHECKING:
    from eipyomo.radio.links import Links


def instance_of(told: PathLike | Mapping[str, Any]) -> Instance:
    """Return the instance that a scenario makes, which a file or a document describes.

    Raises
    ------
    InputError
        If it describes none.
    """
    if isinstance(told, Mapping):
        return scenario.Scenario.from_dict(told).instance()
    return scenario.Scenario.from_json(told).instance()


def read_instance(path: PathLike) -> Instance:
    """Read an instance from a file that holds one, or a scenario that makes one.

    Raises
    ------
    InputError
        If it is neither.
    """
    document = read_document(path, "instance")
    with about(path):
        return instance_of(document) if _is_scenario(document) else Instance.from_dict(document)


def read_links(path: PathLike) -> Links:
    """Read the links of users from a file that holds them, or a scenario that makes them.

    Raises
    ------
    InputError
        If it is neither.
    """
    document = read_document(path, "links")
    with about(path):
        if _is_scenario(document):
            return scenario.Scenario.from_dict(document).links
        if "places" not in document:
            raise InputError(
                f"places is missing: where users are is told by a scenario, {SCHEMA!r}, or by "
                "links, 'eipyomo/links@1'"
            )
        return radio.Links.from_dict(document)


def _is_scenario(document: Mapping[str, Any]) -> bool:
    return document.get("schema") == SCHEMA
