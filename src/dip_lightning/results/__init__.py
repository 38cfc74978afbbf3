"""The result folder: what is in it, how it is written, and who may write it."""
