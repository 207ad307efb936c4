"""Tests of truth, scoring, reports and annotated video."""
