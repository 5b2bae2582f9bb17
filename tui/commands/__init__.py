"""The verbs of the command line, one module each: `arguments(parser)` adds its options, `run(options)` does it."""
