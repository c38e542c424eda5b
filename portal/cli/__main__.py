"""``python -m portal.cli``: the command ``aoli`` where its script is not on the path."""

from portal.cli.main import main

main()
