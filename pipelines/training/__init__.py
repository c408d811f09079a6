"""Training: Kit, the small model that ships, made from pictures whose licences allow it."""
