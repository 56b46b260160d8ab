"""``python -m eipyomo.cli``."""

from eipyomo.cli import script

if __name__ == "__main__":
    script()
