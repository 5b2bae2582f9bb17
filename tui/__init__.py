"""Everything that knows people: the command line and the screen."""

#: The version of the distribution, here too because asking `importlib.metadata` costs more than the rest of `--version`.
__version__ = "0.1.0"
