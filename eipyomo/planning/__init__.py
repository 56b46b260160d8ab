"""What planners ask, answered by certified optima; :mod:`eipyomo.plan` offers all of it."""
