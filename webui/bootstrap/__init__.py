"""What happens before Snowfox can run: make `.venv`, choose the torch build, install, start. Standard library only."""
