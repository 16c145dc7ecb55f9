"""The training of one configuration: loop, replicas, run folders, checkpoints, process groups."""
