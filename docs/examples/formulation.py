"""What docs/examples/formulation.patch adds: another way to write (5), with the same optimum."""

import eipyomo as ei

instance = ei.Instance.letter(users=2)
costs = [
    ei.solve(instance, "minlp:bonmin", formulation=name).objective
    for name in ("letter", "products")
]
assert abs(costs[0] - costs[1]) < 1e-5 * costs[0]
