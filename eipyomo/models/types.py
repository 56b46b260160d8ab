"""Names for what Pyomo, which publishes no types, has."""

from __future__ import annotations

from typing import Any, TypeAlias

Model: TypeAlias = Any
Block: TypeAlias = Any
Variable: TypeAlias = Any
Expression: TypeAlias = Any
