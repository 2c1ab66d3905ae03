"""``python -m coatqc.cli``."""

from coatqc.cli import main

main()
