"""`python -m tui` is `ctdeck`."""

from .cli import main

raise SystemExit(main())
