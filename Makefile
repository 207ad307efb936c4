# Thin names for the scripts.
.PHONY: demo test check bench format
demo:
	./scripts/demo
test:
	./scripts/test
check:
	./scripts/check
bench:
	./scripts/bench
format:
	.venv/bin/ruff format . && .venv/bin/ruff check --fix .
