"""The whole study on one GPU that is lent for minutes."""
