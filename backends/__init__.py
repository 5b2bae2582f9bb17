"""Everything that knows nodes: how to reach them, what they hold, how to change it. Nothing in here imports Textual or `tui`."""
