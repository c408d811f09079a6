"""Installing add-ons: nothing of theirs runs before the next start."""
