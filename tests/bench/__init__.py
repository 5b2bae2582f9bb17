"""Benchmarks: `make bench`, or one part with `make bench ONLY=start`. Figures are whole-process CPU, medians of several runs."""
