"""What docs/examples/backend.patch adds: a solver of one's own; here Ipopt plays its part."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

import eipyomo as ei

IPOPT = Path(sys.executable).parent / "eipyomo-ipopt"

instance = ei.Instance.letter(users=2)
with pytest.raises(ei.SolverError, match="put my-solver on PATH"):
    ei.solve(instance, "eco", solver="mine")
with tempfile.TemporaryDirectory() as folder:
    script = Path(folder) / "my-solver"
    script.write_text(f'#!/bin/sh\nexec {IPOPT} "$@"\n')
    script.chmod(0o755)
    os.environ["EIPYOMO_SOLVERS"] = folder
    mine, best = (ei.solve(instance, "eco", solver=name) for name in ("mine", "ipopt"))
assert mine.solver == "mine"
assert abs(mine.objective - best.objective) < 1e-5 * best.objective
