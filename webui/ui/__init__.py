"""The page: Gradio components, their assets and their wiring."""
