"""Runs and sweeps as one HTML page, to be browsed without account, server or network."""
