"""Who reads what waits: queues, members, duty, and what they are told."""
