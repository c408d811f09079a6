"""Seamless: a tab that shows a picture two by two, to see whether its edges fit together."""

from PIL import Image

from webui.extension import Context, Extension, Registry


def two_by_two(image: Image.Image | None) -> Image.Image | None:
    if image is None:
        return None
    sheet = Image.new(image.mode, (image.width * 2, image.height * 2))
    for left in (0, image.width):
        for top in (0, image.height):
            sheet.paste(image, (left, top))
    return sheet


def tab(context: Context) -> None:
    import gradio as gr

    with gr.Row():
        picture = gr.Image(label="Picture", type="pil", sources=["upload", "clipboard"])
        sheet = gr.Image(label="Two by two", type="pil", interactive=False)
    picture.change(two_by_two, picture, sheet)


def setup(registry: Registry) -> None:
    registry.tab("Seamless", tab)


EXTENSION = Extension(
    title="Seamless preview",
    version="1.0",
    setup=setup,
    description="Shows a picture two by two, to see whether its edges fit together",
    on=False,
)
