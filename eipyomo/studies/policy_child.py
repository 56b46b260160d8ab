"""Ask a policy about one instance after another; a script, run as a worker.

The first line says where modules are, ``path``, and where the policy is, see ``served.loaded``.
Each line after that is ``{"instance": document, "seed": number}``, and is answered by the seconds
that it took, and an answer in plain data or the kind of a failure with a sentence.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> None:
    """Answer until the input ends."""
    # Whatever is printed or read must not get between the questions and the answers.
    questions, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for own in (0, 1, 2):
        os.dup2(nowhere, own)
    policy = None
    for line in questions:
        question = json.loads(line)
        if policy is None:
            sys.path[:] = question["path"]
            served = importlib.import_module("eipyomo.studies.served")
            policy, answer = served.loaded(question)
        else:
            answer = served.answered(policy, question)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
