"""Tests of the scene renderer."""
