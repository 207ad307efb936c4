"""The plate reader: a crop in, a posterior per character out."""
