"""Sharing: a second way in for guests, over a tunnel, that shows them their own pictures and nothing else."""
