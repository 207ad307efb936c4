"""What the site decides from an event, also with the network down: lists, barrier, occupancy, sessions."""
