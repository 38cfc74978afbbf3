"""Kernels in Triton; they read and write channels last, one image, and compute in float32."""
