"""The pull sampler: one resident awk on each node, asked by a line, answering with one frame."""
