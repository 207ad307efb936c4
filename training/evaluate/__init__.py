"""How good the models are: detection, reading, the whole chain, and the report that shows every failure."""
