"""Allow ``python -m metafacs``."""

import sys

from metafacs.cli import main

if __name__ == "__main__":
    sys.exit(main())
