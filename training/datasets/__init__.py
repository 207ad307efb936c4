"""Labelled pictures of any usual format as one validated data frame."""
