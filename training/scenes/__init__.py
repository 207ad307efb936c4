"""Gate scenes rendered with known truth: video of cars at a barrier, and what may be read in it.

NumPy, OpenCV and PyAV only, no fonts and no downloads, so that a clean checkout can render them.
"""
