"""From detections to passages: Kalman tracks, votes over reads, the gate's state machine. Pure logic."""
