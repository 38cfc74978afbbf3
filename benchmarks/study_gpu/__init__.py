"""The whole study on one GPU that is lent for minutes: `make study-gpu`, see docs/sweeps.md."""
