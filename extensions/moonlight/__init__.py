"""Moonlight: a theme. Every colour of the page is a variable; a style sheet gives them other values."""

from webui.extension import Extension, Registry


def setup(registry: Registry) -> None:
    registry.asset("moonlight.css")


EXTENSION = Extension(title="Moonlight", version="1.0", setup=setup, description="A cool, silvery theme", on=False)
