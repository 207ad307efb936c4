"""From a camera's bytes to plate reads: capture, motion, detection, cropping, recognition."""
