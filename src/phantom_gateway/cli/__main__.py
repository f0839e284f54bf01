"""``python -m phantom_gateway.cli``: the command ``phantom`` without an installed script."""

from phantom_gateway.cli.app import main

main()
