"""``python -m phantom_gateway.bridge``: the keeper."""

from phantom_gateway.bridge.main import main

raise SystemExit(main())
