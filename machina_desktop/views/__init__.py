"""The window: Qt widgets that render snapshots and send requests."""
