"""Federated averaging by Flower, with seconds and joules beside its accuracy.

Four users learn a logistic regression in numpy, each from data of its own; the server tries the
model after every round. Who trains what is as in any app of Flower's. What is of eipyomo are the
process, ``priced``, which lets the strategy count, and ``user`` among the clients' metrics.
"""

from __future__ import annotations

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg, Result

import eipyomo as ei
from eipyomo import plotting
from eipyomo.bridges.flower import learning_curve, priced

USERS, ROUNDS = 4, 12
SCALES = np.geomspace(0.2, 2.0, 30)
PLANE = np.random.default_rng(0).normal(size=SCALES.size)
client, server = ClientApp(), ServerApp()


def data(seed, rows=200):
    """Draw rows of which a hidden plane tells the classes, one label in twenty wrong."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, SCALES.size))
    return x * SCALES, (x @ PLANE > 0) ^ (draw.random(rows) < 0.05)


@client.train()
def train(message: Message, context: Context) -> Message:
    """Take three steps down the gradient from the server's model."""
    user = int(context.node_config["partition-id"])
    x, y = data(1 + user)
    w = message.content["arrays"].to_numpy_ndarrays()[0]
    for _ in range(3):
        w = w - 0.5 * x.T @ (1 / (1 + np.exp(-x @ w)) - y) / len(y)
    metrics = MetricRecord({"num-examples": len(y), "user": user})
    return Message(RecordDict({"arrays": ArrayRecord([w]), "metrics": metrics}), reply_to=message)


def accuracy(_: int, arrays: ArrayRecord) -> MetricRecord:
    """Return which part of data that nobody has seen the model tells right."""
    x, y = data(99, 2000)
    return MetricRecord({"accuracy": float(((x @ arrays.to_numpy_ndarrays()[0] > 0) == y).mean())})


def learn(grid: Grid) -> Result:
    """Learn in as many rounds as the process has."""
    process = ei.train(ei.Instance.letter(users=USERS), ROUNDS, seed=1)
    strategy = priced(FedAvg(fraction_evaluate=0.0), process)
    start = ArrayRecord([np.zeros(SCALES.size)])
    return strategy.start(
        grid, start, num_rounds=ROUNDS, train_config=ConfigRecord(), evaluate_fn=accuracy
    )


@server.main()
def main(grid: Grid, _: Context) -> None:
    """Learn, and keep and draw accuracy against seconds and joules."""
    curve = learning_curve(learn(grid), "accuracy")
    curve.to_csv("learning.csv", index=False)
    plotting.learning(curve).savefig("learning.png")
