"""Recorded video through the same pipeline as a live gate, judged against the truth."""
