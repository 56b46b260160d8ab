"""A Pyomo model, a solver, and what of its answer holds."""
