"""Result folders read back: the one reading for sweeps, study and dashboard."""
