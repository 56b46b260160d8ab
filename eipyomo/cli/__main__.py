"""``python -m eipyomo.cli``."""

import sys

from eipyomo.cli import main

if __name__ == "__main__":
    sys.exit(main())
