"""What docs/examples/resource.patch adds: a total of radiated energy that all users share."""

import pytest

import eipyomo as ei

instance = ei.Instance.letter(users=2)
free = ei.solve(instance, "minlp:bonmin")
assert free.allocation is not None
radiated_j = float(ei.evaluate(instance, free.allocation).breakdown.radiated_j.sum())

limited = instance.replace(total_radiated_budget_j=0.9 * radiated_j)
broken = ei.evaluate(limited, free.allocation).violations[0]
assert (broken.constraint, broken.user) == ("total radiated (sum of (7))", None)

result = ei.solve(limited, "minlp:bonmin")
assert result.feasible
assert result.objective > free.objective
for method in ("exact", "admm", "milp", "gbe"):
    with pytest.raises(ei.InputError, match="does not handle a total of radiated energy"):
        ei.solve(limited, method)
model = ei.models.minlp(limited)
ei.models.update(model, instance.replace(total_radiated_budget_j=0.95 * radiated_j))
assert ei.solve_model(model, "bonmin").objective < result.objective
