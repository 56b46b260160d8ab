"""What docs/examples/limit.patch adds: a limit of radiated energy, judged, modelled and refused."""

import pytest

import eipyomo as ei

instance = ei.Instance.letter(users=2)
free = ei.solve(instance, "minlp:scip")
assert free.allocation is not None
terms = ei.evaluate(instance, free.allocation).breakdown
radiated_j = float(terms.upload_j[0] + terms.offload_j[0])

limited = instance.replace(users={"eu1": {"max_radiated_j": 0.9 * radiated_j}})
broken = ei.evaluate(limited, free.allocation).violations[0]
assert (broken.constraint, broken.user) == ("radiated energy <= its limit", "eu1")

result = ei.solve(limited, "minlp:scip")
assert result.termination == "optimal"
assert result.objective > free.objective
for method in ("exact", "admm", "milp", "eco"):
    with pytest.raises(ei.InputError, match="does not handle limits of radiated energy"):
        ei.solve(limited, method)
assert limited.with_users(limited.users_frame()) == limited
