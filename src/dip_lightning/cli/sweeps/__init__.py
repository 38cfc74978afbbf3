"""Many jobs: what chooses their values, where they run, and their summary."""
