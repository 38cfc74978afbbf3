"""`python -m dip_lightning`: the command line."""

import sys

from dip_lightning.cli.main import start

if __name__ == "__main__":
    sys.exit(start())
