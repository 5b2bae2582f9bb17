"""Changes of LXC containers as plans, one module for each group of actions."""
