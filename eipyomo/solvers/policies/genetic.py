"""The method ``genetic``: a population of decisions that evolves.

J. H. Holland, "Adaptation in Natural and Artificial Systems", University of Michigan Press, 1975;
used for offloading for instance in "Adaptive Offloading in Mobile-Edge Computing for Ultra-Dense
Cellular Networks Based on Genetic Algorithm", Journal of Cloud Computing 10, 15, 2021,
doi 10.1186/s13677-021-00232-y. It is PyGAD's, which has random numbers of its own and needs numpy
and cloudpickle alone.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

from pydantic import Field

from eipyomo.extras import extra
from eipyomo.solvers.contract import Options
from eipyomo.solvers.policies.tried import Merit, Policy, Tried
from eipyomo.validation import Seed, Whole

NEVER, FARTHEST = 1e100, 1e9
"""A cost that no decisions have, and the violation beyond which none counts as larger."""
CHILDREN_OF, ELITE = 0.5, 2
"""Which part of a generation has children, and how many of it live on."""


class GeneticOptions(Options):
    """Options of :class:`Genetic`; there is no gap to stop at."""

    seed: Annotated[Seed, Field(description="seed of all that is drawn")] = 0
    population: Annotated[Whole, Field(ge=4, description="decisions in a generation")] = 32
    generations: Annotated[Whole, Field(description="generations after the first")] = 40


class Genetic(Policy[GeneticOptions]):
    """Decisions are the fitter the less they cost: tournaments, uniform crossover, mutation."""

    name = "genetic"
    description = "decisions that evolve by PyGAD, the rest exactly"
    Options = GeneticOptions

    def search(self, tried: Tried, options: GeneticOptions) -> None:
        """Let a population evolve, with a gene for each user: below 1 it is the ι of a download."""

        def fitness(_: Any, genes: Any, __: Any) -> float:
            return _fitness(tried.of(genes < 1.0, genes))

        evolution = extra("pygad", "genetic", f"method {self.name!r}").GA(
            fitness_func=fitness,
            num_genes=len(tried.problem.data),
            gene_space={"low": 0.0, "high": 2.0},
            sol_per_pop=options.population,
            num_generations=options.generations,
            num_parents_mating=int(CHILDREN_OF * options.population),
            parent_selection_type="tournament",
            crossover_type="uniform",
            mutation_probability=1.0 / len(tried.problem.data),
            mutation_by_replacement=True,
            keep_elitism=ELITE,
            on_generation=lambda _: "stop" if tried.is_late else None,
            random_seed=options.seed % 2**32,
            suppress_warnings=True,
            logger=logging.getLogger(__name__),
        )
        evolution.run()


def _fitness(merit: Merit) -> float:
    """Return a merit as one number, the larger the better."""
    if merit.violation > 0.0:
        return -NEVER * (1.0 + min(merit.violation, FARTHEST))
    return -merit.cost
