"""The command line: keys become objects, jobs run, and end with a status."""
