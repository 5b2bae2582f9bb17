"""Changes, planned: what would be done, why it may be refused, how it is put back. Nothing in here touches a node but to look."""
