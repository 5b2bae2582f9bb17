"""Everything that knows people: the command line and the screen."""
