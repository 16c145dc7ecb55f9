"""Run the command line as ``python -m ertheory``."""

import sys

from ertheory.cli import main

if __name__ == "__main__":
    sys.exit(main())
