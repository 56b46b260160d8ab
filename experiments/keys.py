"""Every key of an instance: ``docs/instances.md``.

Run ``python -m experiments.keys`` to write the page again from the records that check instances.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import eipyomo as ei
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.files import write_atomically
from eipyomo.modes import Mode

PAGE = Path(__file__).parents[1] / "docs" / "instances.md"

OPENING = """\
# Instances and their keys

This page is written by `python -m experiments.keys` from the records that check an instance. An
instance is one JSON document in SI units, of schema `eipyomo/instance@1`; in `--set`, `--vary`,
tables of users and Python, keys may end in [other units](tables.md#units). A key that is not on
this page is refused by its name, and so is a value of another type or beyond what is allowed.
"Letter" is the value in the letter's setting, `ei.Instance.letter()`; what may be left out is no
limit."""

TEMPLATE = """\
## A template

`eipyomo generate -o instance.json` writes one with drawn channels. The least one has a single user:

```json
{template}
```

```python
import eipyomo as ei

instance = ei.Instance.letter(users=1, seed=0)
instance.to_json("instance.json")
assert ei.Instance.from_json("instance.json") == instance
```

## A table of users

`instance.with_users("users.csv")`, and `--users-csv users.csv` of `eipyomo generate`, take a row
for each user; columns are keys of an end user, in any unit. `instance.users_frame()` is such a
table, to begin with. [tables.md](tables.md) says how tables are read."""


def page() -> str:
    """Return the page."""
    document = ei.Instance.letter(users=1, seed=0).to_dict()
    parts: list[tuple[str, Any, Mapping[str, Any]]] = [
        ("The instance", ei.Instance, document),
        ("The edge server, `server`", EdgeServer, document["server"]),
        ("An end user, `users[]`", EndUser, document["users"][0]),
        ("A mode, `modes.LIST[]`", Mode, {}),
    ]
    lines = [OPENING]
    for title, record, own in parts:
        lines += ["", f"## {title}", "", "| key | takes | letter |", "|---|---|---|"]
        lines += [
            f"| `{key}` | {field.description} | {letter(own.get(key))} |"
            for key, field in record.model_fields.items()
        ]
    lines += ["", TEMPLATE.format(template=json.dumps(document, indent=2)), ""]
    return "\n".join(lines)


def letter(value: Any) -> str:
    """Return the letter's value of a key, if that is a plain one."""
    if isinstance(value, float | int):
        return f"{value:.6g}"
    return f"`{value}`" if isinstance(value, str) else ""


def main() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    main()
