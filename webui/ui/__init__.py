"""The page: what a person sees and touches."""
