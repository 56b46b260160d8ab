"""Say what a certificate proves. Exit status: 0 its claim, 4 not that, 2 it is broken."""

import argparse
import json
import math
import sys
from pathlib import Path

from checker.check_certificate import check, once

example = "Example: python -m checker instance.json certificate.json"
parser = argparse.ArgumentParser(prog="python -m checker", description=__doc__, epilog=example)
parser.add_argument("instance", type=Path, help="the instance, as JSON")
parser.add_argument("certificate", type=Path, help="of its bound, as the package writes it")
files = vars(parser.parse_args()).values()
sys.setrecursionlimit(20_000)
try:
    read = [json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=once) for file in files]
    bound, names, claim, holds = check(*read)
except (OSError, ValueError, RecursionError) as error:
    sys.stderr.write(f"broken: {error}\n")
    sys.exit(2)
proven = {math.inf: "that nothing is feasible", -math.inf: "nothing"}
told = f"of problem {' or '.join(sorted(names))}: {proven.get(bound, f'{bound!r} or more')}"
sys.stdout.write(f"{'proven' if holds else 'NOT proven'}: {claim}\nwhat is proven {told}\n")
sys.exit(0 if holds else 4)
