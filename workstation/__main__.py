"""`python -m workstation`: for desks where no launcher was installed."""

import sys

from workstation.app import main

if __name__ == "__main__":
    sys.exit(main())
