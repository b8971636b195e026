"""One suite over every connector: a fifth channel brings a driver and golden pairs, and nothing else."""
