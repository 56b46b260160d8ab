"""Pyomo models with general-purpose solvers: (10) as built, and whatever a user makes of it."""
