"""Long-running tasks: the deployer and the feed watcher."""
