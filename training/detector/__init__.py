"""The plate detector: network, pictures to learn from, loss, training loop and export to ONNX."""
