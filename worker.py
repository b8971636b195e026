"""The command line of Priemnaya. Thin: the work lies in the rooms."""

from __future__ import annotations

import sys

from pipeline.commandline import main

if __name__ == "__main__":
    sys.exit(main())
