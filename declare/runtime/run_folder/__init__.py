"""The run folder: its files, durable writes, the lock, the events and the manifest. Needs no torch."""
