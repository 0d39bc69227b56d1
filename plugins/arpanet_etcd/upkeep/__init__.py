"""What masters need from time to time: looks, removals, snapshots."""
