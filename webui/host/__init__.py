"""The host of add-ons: what is found, what is on, what it offers, and what it did wrong."""
