"""What docs/examples/method.patch adds: the method ``plain``, for every problem of the letter."""

import eipyomo as ei

instance = ei.Instance.letter()
for problem in ("joint", "eco", "lco", "gbe", "grid:0.5", "training"):
    result = ei.solve(instance, "plain", problem=problem)
    assert (result.method, result.problem) == ("plain", problem)
    assert result.termination == "converged"
    assert ei.evaluate(ei.Problem.of(instance, problem), result.allocation).feasible
    assert ei.Result.from_dict(result.to_dict(), instance).to_dict() == result.to_dict()
