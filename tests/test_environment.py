"""Rounds as a Gymnasium environment: its checker, regrets, trajectories, both ways of acting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env

import eipyomo as ei
from eipyomo.environment import ID, INFEASIBLE, Rounds
from eipyomo.features import END, OF_A_USER, SYSTEM, features
from tests.conftest import slow_but
from tests.instances import hostile
from tests.test_import import python

PAGE = (Path(__file__).parents[1] / "docs" / "environment.md").read_text(encoding="utf-8")
KINDS: list[dict[str, Any]] = [
    {},
    {"actions": "allocation"},
    {"rounds": 3},
    {"draw": "users=2 seeds=0:9 distance_m=20..80", "rounds": 2, "actions": "allocation"},
]
OPTIMAL = 2e-6
"""Regret of an optimum within a gap of 1e-6, as single precision has it."""


def played(env: Rounds, seed: int, *, expert: bool = False) -> Iterator[tuple[Any, float, Any]]:
    """Play an episode at random, or as the optimum does."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    terminated = False
    while not terminated:
        best = env.optimum().allocation
        assert best is not None
        action = env.action_of(best) if expert else env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        assert not truncated
        yield observation, reward, info


@pytest.mark.parametrize("options", KINDS)
def test_gymnasium_finds_no_fault(options: dict[str, Any]) -> None:
    """Its checker, with warnings as errors."""
    check_env(gymnasium.make(ID, **options).unwrapped)


@pytest.mark.parametrize("actions", ["decisions", "allocation"])
def test_a_hundred_random_episodes_regret_something(actions: Any) -> None:
    """Nothing is below a proven bound; and what is chosen at random is not optimal."""
    env = Rounds("users=3 seeds=0:50 model_mbit=log(4..64)", actions=actions)
    regrets = [info["regret"] for seed in range(100) for _, _, info in played(env, seed)]
    assert len(regrets) == 100
    assert min(regrets) >= 0.0
    assert np.median(regrets) > 0.01


@pytest.mark.parametrize("options", KINDS)
def test_a_seed_is_a_trajectory(options: dict[str, Any]) -> None:
    """Two environments, the second of which has played before, go the same way to the last bit."""
    one, other = Rounds(**options), Rounds(**options)
    list(played(other, 5))
    for a, b in zip(played(one, 3), played(other, 3), strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:] == b[1:]


@pytest.mark.parametrize("options", KINDS)
def test_the_optimum_has_no_regret(options: dict[str, Any]) -> None:
    """What the exact method decides, said as actions, is optimal in every round."""
    steps = list(played(Rounds(**options), 1, expert=True))
    assert len(steps) == options.get("rounds", 1)
    for _, reward, info in steps:
        assert 0.0 <= info["regret"] <= OPTIMAL
        assert reward == -info["regret"]


def test_an_episode_is_a_process() -> None:
    """Played by the optimum it costs what `ei.train` finds, with the same channels."""
    env = Rounds("users=3 seeds=0:9 distance_m=30..60", rounds=3)
    env.reset(options={"instance": 4})
    gains, costs, first = [], [], env.instance
    for _ in range(3):
        gains.append(env.instance.users.numbers("channel_gain"))
        best = env.optimum().allocation
        assert best is not None
        costs.append(env.step(env.action_of(best))[-1]["wsel"])
    table = pd.DataFrame(gains, columns=list(first.scaled.names))
    process = ei.train(first, 3, gains=table)
    assert costs == pytest.approx([result.objective for result in process.rounds], rel=OPTIMAL)
    assert len({tuple(row) for row in gains}) == 3


@pytest.mark.parametrize(("x", "name"), [(-1.0, "eco"), (1.0, "lco")])
def test_all_edge_and_all_local_are_the_benchmarks(x: float, name: str) -> None:
    """With everybody's a = 0, and a = 1 with ι = 0, the rest is as good as ECO and LCO."""
    env = Rounds("users=4 seeds=0:1")
    env.reset(seed=0)
    action = np.concatenate([np.full(4, x), np.full(4, -1.0)]).astype(np.float32)
    *_, info = env.step(action)
    assert info["wsel"] == pytest.approx(ei.solve(env.instance, name).objective, rel=OPTIMAL)


@pytest.mark.parametrize("rounds", [1, 3])
def test_what_never_ends_is_infeasible(rounds: int) -> None:
    """Shares of 0 have a violation in words, an infinite regret, and no next round."""
    env = Rounds("users=2 seeds=0:5", rounds=rounds, actions="allocation")
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(np.full(10, -1.0, np.float32))
    assert (reward, terminated, info["regret"]) == (INFEASIBLE, True, np.inf)
    assert not info["feasible"]
    assert info["violation"] > 0.0
    assert info["violated"]


@pytest.mark.parametrize("mode", slow_but(["sync", "async"], "sync"))
def test_many_at_once_are_as_one_by_one(mode: Any) -> None:
    """An environment of a vector that is reset with seed + k is that of this seed alone."""
    options: dict[str, Any] = {"draw": "users=2 seeds=0:100", "actions": "allocation"}
    many = gymnasium.make_vec(
        f"eipyomo.environment:{ID}", num_envs=3, vectorization_mode=mode, **options
    )
    observations, _ = many.reset(seed=7)
    actions = np.stack([many.single_action_space.sample() for _ in range(3)])
    _, rewards, *_, infos = many.step(actions)
    many.close()
    for k in range(3):
        env = Rounds(**options)
        np.testing.assert_array_equal(env.reset(seed=7 + k)[0], observations[k])
        _, reward, *_, info = env.step(actions[k])
        assert (reward, info["optimum"]) == (rewards[k], infos["optimum"][k])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"draw": "users=2 users[*].deadline_s=9"},
            "the instance has deadlines of users, of which",
        ),
        ({"draw": "users=2 total_frequency_ghz=6"}, "a total frequency of the server"),
        ({"draw": 4}, "draw is 4, but must be a Draw"),
        ({"actions": "shares"}, "actions is 'shares', but must be one of: decisions, allocation"),
        ({"rounds": 0}, "rounds is 0, but must be a whole number >= 1"),
    ],
)
def test_what_is_not_allowed_is_refused(options: dict[str, Any], sentence: str) -> None:
    """Before the first reset."""
    with pytest.raises(ei.InputError, match=re.escape(sentence)):
        Rounds(**options)
    with pytest.raises(ei.InputError, match=r"options\['instance'\] is -1"):
        Rounds().reset(options={"instance": -1})


def test_the_letters_features_are_near_nothing() -> None:
    """Table I is what features are relative to: all but the channel's are within 15 %."""
    told = features(ei.Instance.letter(users=5))
    fixed = np.delete(told.users, [0, 1], axis=1)
    assert np.abs(told.system).max() < 0.07
    assert np.abs(fixed).max() < 0.07


def test_features_tell_of_all_there_is() -> None:
    """Whatever number is changed, a feature changes, by its logarithm; 0 is at the end."""
    instance = ei.Instance.letter(users=2)
    before = np.concatenate([part.ravel() for part in features(instance)])
    data = instance.to_dict()
    changes: list[dict[str, Any]] = [
        *({key: 10.0 * data[key]} for key in ("bandwidth_hz", "model_bits", "cycles_per_bit")),
        *({"server": {key: 10.0 * number}} for key, number in data["server"].items()),
        *(
            {"users": {"eu2": {key: 10.0 * v}}}
            for key, v in data["users"][1].items()
            if key != "name"
        ),
    ]
    for change in changes:
        after = np.concatenate([part.ravel() for part in features(instance.replace(**change))])
        moved = np.abs(after - before)
        assert moved.max() == pytest.approx(1.0)
    none = features(instance.replace(users={"eu1": {"task_bits": 0.0}}))
    assert none.users[0, list(OF_A_USER).index("task_mbit")] == -END


@pytest.mark.parametrize("seed", range(5))
def test_hostile_instances_have_features_too(seed: int) -> None:
    """They are finite, whatever the data."""
    told = features(hostile(seed))
    assert np.isfinite(told.users).all()
    assert np.isfinite(told.system).all()


def test_names_of_features_are_those_of_the_page() -> None:
    """Entry by entry, and each with its usual value in the page's table."""
    env = Rounds("users=2")
    assert len(env.feature_names) == env.reset(seed=0)[0].size
    assert env.feature_names[5] == "eu1.uplink_snr"
    table = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \|$", PAGE, re.MULTILINE))
    assert list(table) == [*SYSTEM, "rounds_left", *OF_A_USER]
    for key, usual in {**SYSTEM, **OF_A_USER}.items():
        written = table[key].replace("1 mW", "0.001 W")
        assert float(written.split()[0]) == usual


def test_without_gymnasium_a_sentence_says_what_to_install() -> None:
    """Only who imports the environment needs it."""
    script = """
        import sys
        sys.modules["gymnasium"] = None
        from eipyomo import *
        import eipyomo
        try:
            import eipyomo.environment
        except eipyomo.SolverError as error:
            print(error)
    """
    assert 'needs the extra "rl": python -m pip install "eipyomo[rl]"' in python(script)


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its blocks for Python, word for word."""
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "environment.md", "exec"), {})
    assert "above the optimum" in capsys.readouterr().out
