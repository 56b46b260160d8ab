"""All solvers by name: what each can do, how it is reached, and how to get it."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING

from eipyomo.errors import InputError, SolverError
from eipyomo.solvers.backends.ampl import AmplBackend
from eipyomo.solvers.backends.base import Backend, Capabilities
from eipyomo.solvers.backends.wheels import WheelBackend
from eipyomo.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_NLP = Capabilities(
    integers=False, nonlinear=True, proves=False, starts=True, time_limit="max_wall_time"
)
LOCAL_MINLP = Capabilities(
    integers=True,
    nonlinear=True,
    proves=False,
    starts=True,
    time_limit="time_limit",
    gap="allowable_fraction_gap",
)
FOREIGN = Capabilities(integers=True, nonlinear=True, proves=False, starts=True)
GLOBAL_MINLP = Capabilities(integers=True, nonlinear=True, proves=True, starts=False)
# Without solving nodes again from random points it was seen to stop 2.5 % and 17 % above optima;
# from points as far away as it likes by itself, it was seen to die of an error of its own.
BONMIN_OPTIONS = {
    "num_resolve_at_root": 8,
    "num_resolve_at_node": 3,
    "max_random_point_radius": 10.0,
}
IPOPT_OPTIONS = {"tol": 1e-10, "acceptable_tol": 1e-8}
# Ipopt moves a start away from bounds, and begins with a large barrier, which leads away from it.
IPOPT_START = {
    **dict.fromkeys(("bound_push", "bound_frac", "slack_bound_push", "slack_bound_frac"), 1e-6),
    "mu_init": 1e-3,
}
# It is the relative gap that is asked for.
SHOT_OPTIONS = {"Termination.ObjectiveGap.Absolute": 0.0}
# With these a solver may cut off optima, or call more than the model's points feasible.
SCIP_LOOSENING = ("numerics/", "concurrent/", "constraints/")
SHOT_LOOSENING = (
    *("Model.", "Dual.MIP.CutOff", "Dual.MIP.Opt", "Dual.MIP.Update", "Dual.ReductionCut"),
    *("Dual.HyperplaneCuts.UseIntegerCuts", "Primal.Tolerance", "Subsolver."),
)
HIGHS_TOLERANCES = tuple(f"{kind}_feasibility_tolerance" for kind in ("primal", "dual", "mip"))

_WHEELS: tuple[Backend, ...] = (
    WheelBackend(
        name="scip",
        description="SCIP: spatial branch and bound, global",
        capabilities=dataclasses.replace(
            GLOBAL_MINLP,
            starts=True,
            time_limit="limits/time",
            gap="limits/gap",
        ),
        install="python -m pip install PySCIPOpt",
        package="PySCIPOpt",
        module="pyscipopt",
        script="scip_child.py",
        loosening=SCIP_LOOSENING,
    ),
    WheelBackend(
        name="bonmin",
        description="Bonmin: branch and bound on local NLP solutions",
        capabilities=LOCAL_MINLP,
        install="python -m pip install casadi",
        package="casadi",
        module="casadi",
        script="casadi_child.py",
        options=BONMIN_OPTIONS,
        # Outer approximation is right about convex models only, and there it is far quicker.
        convex_options={"algorithm": "B-OA"},
    ),
    WheelBackend(
        name="ipopt",
        description="Ipopt: interior point, local",
        capabilities=LOCAL_NLP,
        install="python -m pip install casadi",
        package="casadi",
        module="casadi",
        script="casadi_child.py",
        options=IPOPT_OPTIONS,
        start_options=IPOPT_START,
    ),
    WheelBackend(
        name="cyipopt",
        description="Ipopt as installed on the system, through cyipopt",
        capabilities=LOCAL_NLP,
        install="python -m pip install cyipopt, which needs Ipopt's headers (Debian: apt-get "
        "install coinor-libipopt-dev pkg-config liblapack-dev libblas-dev)",
        package="cyipopt",
        module="cyipopt",
        script="cyipopt_child.py",
        options={**IPOPT_OPTIONS, "print_level": 0},
        start_options=IPOPT_START,
    ),
    WheelBackend(
        name="highs",
        description="HiGHS: linear and mixed-integer linear models, to its tolerances",
        capabilities=Capabilities(
            integers=True,
            nonlinear=False,
            proves=True,
            starts=True,
            time_limit="time_limit",
            gap="mip_rel_gap",
            threads="threads",
        ),
        install="python -m pip install highspy",
        package="highspy",
        module="highspy",
        script="highs_child.py",
        format="lp",
        loosening=("objective_", "user_", "infinite_", "small_", "large_", *HIGHS_TOLERANCES),
    ),
    WheelBackend(
        name="mindtpy",
        description="MindtPy: outer approximation by HiGHS and Ipopt, local on these models",
        capabilities=dataclasses.replace(
            FOREIGN,
            time_limit="time_limit",
            gap="relative_bound_tolerance mip_solver_mipgap",
            threads="threads",
        ),
        install="python -m pip install pyomo casadi highspy",
        package="pyomo",
        module="pyomo.contrib.mindtpy",
        script="pyomo_child.py",
        format="pickle",
        options={
            "strategy": "OA",
            "mip_solver": "appsi_highs",
            "nlp_solver": "ipopt",
            "absolute_bound_tolerance": 1e-9,  # it is the relative gap that is asked for
        },
    ),
    WheelBackend(
        name="maingo",
        description="MAiNGO: branch and bound on McCormick relaxations, global",
        capabilities=dataclasses.replace(
            GLOBAL_MINLP, bounded=True, time_limit="maxTime maxwTime", gap="epsilonR"
        ),
        install="python -m pip install maingopy",
        package="maingopy",
        module="maingopy",
        script="maingo_child.py",
        # It is the relative gap that is asked for; and of its limit it knows nothing in searches
        # before its branch and bound.
        options={"epsilonA": 1e-9, "PRE_maxLocalSearches": 1},
        loosening=("delta", "relNodeTol", "infinity"),
    ),
    WheelBackend(
        name="shot",
        description="SHOT: outer approximation, global on convex models such as grid",
        capabilities=dataclasses.replace(
            GLOBAL_MINLP,
            proves=False,
            proves_convex=True,
            time_limit="Termination.TimeLimit",
            gap="Termination.ObjectiveGap.Relative",
            threads="Dual.MIP.NumberOfThreads",
        ),
        install="python -m pip install SHOTpy",
        package="SHOTpy",
        module="SHOTpy",
        script="shot_child.py",
        options=SHOT_OPTIONS,
        convex_options={**SHOT_OPTIONS, "Model.Convexity.AssumeConvex": True},
        expressions=False,
        loosening=SHOT_LOOSENING,
    ),
)

COIN = "build it, or take it from conda-forge (conda install -c conda-forge"

_EXECUTABLES: tuple[AmplBackend, ...] = (
    AmplBackend(
        name="couenne",
        description="Couenne executable: spatial branch and bound, global",
        capabilities=dataclasses.replace(
            GLOBAL_MINLP, time_limit="time_limit", gap="allowable_fraction_gap"
        ),
        install=f"{COIN} coin-or-couenne), and put it on PATH or into $EIPYOMO_SOLVERS",
        executables=("couenne",),
        option_file="couenne.opt",
        bound_pattern=r"(?im)^\s*lower bound:\s*{number}(?=\s)",
        loosening=(
            "art_",
            "cutoff",
            "feas_",
            "integer_",
            "tol",
            "convexifying",
            "redcost",
            "orbital",
        ),
    ),
    AmplBackend(
        name="baron",
        description="BARON executable: branch and reduce, global; commercial",
        capabilities=dataclasses.replace(GLOBAL_MINLP, time_limit="maxtime", gap="epsr"),
        install="ask minlp.com for a licence, and put baron on PATH or into $EIPYOMO_SOLVERS",
        executables=("baron",),
        options={"outlev": 1},
        option_variable="baron_options",
        bound_pattern=r"(?im)best possible\s*=\s*{number}(?=\s)",
        loosening=("cutoff", "abs", "rel", "box", "int", "isol", "delta", "pdo", "lboxtol"),
    ),
    AmplBackend(
        name="knitro",
        description="Knitro executable: local; commercial",
        capabilities=dataclasses.replace(
            LOCAL_MINLP,
            time_limit="maxtime_real mip_maxtimereal",
            gap="mip_opt_gap_rel",
            threads="threads",
        ),
        install="ask artelys.com for a licence, and put knitroampl on PATH or into "
        "$EIPYOMO_SOLVERS",
        executables=("knitroampl", "knitro"),
        option_variable="knitro_options",
    ),
)

# The same solvers as executables, where the caller names one.
_EXECUTABLE_FORMS: dict[str, AmplBackend] = {
    "bonmin": AmplBackend(
        name="bonmin",
        description="Bonmin executable",
        capabilities=LOCAL_MINLP,
        install="name its executable",
        executables=("bonmin",),
        options=BONMIN_OPTIONS,
        option_file="bonmin.opt",
        option_line="bonmin.{key} {value}",
    ),
    "ipopt": AmplBackend(
        name="ipopt",
        description="Ipopt executable",
        capabilities=dataclasses.replace(LOCAL_NLP, time_limit="max_cpu_time"),
        install="name its executable",
        executables=("ipopt",),
        options=IPOPT_OPTIONS,
    ),
    "scip": AmplBackend(
        name="scip",
        description="SCIP executable with AMPL support",
        capabilities=dataclasses.replace(GLOBAL_MINLP, time_limit="limits/time", gap="limits/gap"),
        install="name its executable",
        executables=("scip", "scipampl"),
        option_file="scip.set",
        option_line="{key} = {value}",
        bound_pattern=r"(?im)^dual bound\s*:\s*{number}(?=\s)",
        loosening=SCIP_LOOSENING,
    ),
    **{backend.name: backend for backend in _EXECUTABLES},
}

BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (*_WHEELS, *_EXECUTABLES)}


def _preferred(name: str) -> Backend:
    """Return the wheel, unless an executable is configured or is all that is here."""
    wheel, executable = BACKENDS[name], _EXECUTABLE_FORMS.get(name)
    if executable is not None and (
        executable.configured() or (wheel.where() is None and executable.where())
    ):
        return executable
    return wheel


def backend(name: str, executable: str | None = None) -> Backend:
    """Return the way to reach a solver.

    Parameters
    ----------
    name
        One of ``BACKENDS``, or the name of an AMPL solver on PATH, or a name that Pyomo's
        ``SolverFactory`` knows.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for `name`.

    Raises
    ------
    InputError
        If there is no such solver.
    SolverError
        If the executable is not there.
    """
    if executable is not None:
        unknown = AmplBackend(
            name=name,
            description="AMPL executable",
            capabilities=FOREIGN,
            install="name its executable",
            executables=(name,),
        )
        known = _EXECUTABLE_FORMS.get(name, unknown)
        found = dataclasses.replace(known, path=executable)
        if found.where() is None:
            raise SolverError(
                f"executable is {executable!r}, but must be a file that can be run, for {name!r}"
            )
        return found
    if name in BACKENDS:
        return _preferred(name)
    found = AmplBackend(
        name=name,
        description="AMPL executable",
        capabilities=FOREIGN,
        install="put it on PATH",
        executables=(name,),
    )
    if found.where() is not None:
        return found
    if name in list(import_module("pyomo.environ").SolverFactory):
        return WheelBackend(
            name=name,
            description="through Pyomo's SolverFactory",
            capabilities=FOREIGN,
            install="see Pyomo's documentation",
            package="pyomo",
            module="pyomo",
            script="pyomo_child.py",
            format="pickle",
        )
    raise InputError(
        f"solver is {short(name)}, but must be one of: {', '.join(BACKENDS)}, an executable "
        "on PATH that speaks the AMPL protocol, or a name that Pyomo's SolverFactory knows"
    )
