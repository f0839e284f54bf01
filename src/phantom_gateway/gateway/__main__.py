"""``python -m phantom_gateway.gateway``: one worker."""

from phantom_gateway.gateway.main import main

main()
