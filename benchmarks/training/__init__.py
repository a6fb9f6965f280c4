"""What `python -m benchmarks train` measures, part by part."""
