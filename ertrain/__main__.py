"""Run the command line as ``python -m ertrain``."""

import sys

from ertrain.cli import main

if __name__ == "__main__":
    sys.exit(main())
