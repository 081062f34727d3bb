"""`python -m animate` is the command line."""

import sys

from animate.cli import main

sys.exit(main())
