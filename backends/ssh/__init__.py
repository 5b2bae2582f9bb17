"""The way to a node over SSH: host settings, host keys, login, one connection a node, shared jump hosts."""
