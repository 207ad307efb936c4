"""`python -m edge` is `anpr-edge`."""

from edge.cli import main

main()
