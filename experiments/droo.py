"""The network that method ``droo`` uses unless told otherwise.

Run ``python -m experiments.droo`` to train it again, in some minutes: from certified optima of
instances that are drawn as ``DRAWS`` says, for 2 to 30 users each. The network's file says what it
has learned from, and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eipyomo.draw import Draw
from eipyomo.instance import Instance
from eipyomo.solvers.policies import droo
from eipyomo.solvers.policies.training import trained
from experiments.provenance import provenance

FILE = Path(droo.__file__).with_name("droo.npz")
USERS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30)
SEED, FIRST, CHANNELS = 0, 1_000_000, 100
"""Of the training, and the channels of each number of users; experiments use small seeds."""

LETTER = "model_mbit=log(4..64) path_loss_exponent=2.6..3.2 bandwidth_mhz=log(10..200)"
OTHERS = (
    f"{LETTER} task_mbit=log(1..256) cycles_per_bit=log(20..400) "
    "users[*].latency_weight=log(0.03..0.3) users[*].energy_weight=log(0.3..3) "
    "users[*].max_frequency_hz=log(5e8..4e9) users[*].energy_coefficient=log(1e-29..3e-28) "
    "users[*].local_training_s=log(0.3..3) users[*].previous_download_s=log(0.3..3)"
)
DRAWS = (LETTER, OTHERS, f"{OTHERS} total_frequency_ghz=log(2..60)")
"""The letter's users, all alike but for their channels; users that differ in everything; and such
that share the server's frequency."""


def instances() -> Iterator[Instance]:
    """Iterate over what is learned from, all numbers of users and both draws mixed."""
    draws = [Draw.from_text(f"users={users} {text}") for users in USERS for text in DRAWS]
    for seed in range(FIRST, FIRST + CHANNELS):
        yield from (draw.instance(seed) for draw in draws)


def about() -> str:
    """Say what the network has learned from, and what with."""
    users = ", ".join(map(str, USERS))
    made = ", ".join(f"{key} {value}" for key, value in provenance("scikit-learn").items())
    seeds = f"seeds {FIRST}:{FIRST + CHANNELS}"
    return f"{'; '.join(DRAWS)}; users {users}; {seeds}; training seed {SEED}; {made}"


def main() -> None:
    """Train it and write its file."""
    trained(instances(), seed=SEED, about=about()).save(FILE)


if __name__ == "__main__":
    main()
