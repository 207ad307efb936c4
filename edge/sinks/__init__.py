"""Where events go: the durable outbox and everything that empties it."""
