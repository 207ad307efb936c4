"""Rendered plates and the cameras that look at them: exact labels without a photograph.

Every picture follows from the random generator that is passed in, so a seed names a data set.
"""
