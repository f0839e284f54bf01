"""``python -m phantom_gateway.control``: the control process, as the supervisor starts it."""

from __future__ import annotations

import sys

from phantom_gateway.control.main import main

sys.exit(main())
