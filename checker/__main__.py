"""``python -m checker instance.json proof.json``."""

import sys

from checker.check_certificate import main

sys.exit(main())
