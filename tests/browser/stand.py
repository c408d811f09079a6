"""A small server for the canvas tests: a Gradio page with both wells, and a stand-in for the picture routes."""

import hashlib
import io
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image, UnidentifiedImageError

from webui.ui import canvas

# The page's colours, as its stylesheet defines them.
TOKENS = """
:root { --sf-page: #f1f0f9; --sf-card: #fff; --sf-card-2: #f7f6fc; --sf-field: #fff; --sf-line: #d9d6eb;
  --sf-line-strong: #86829f; --sf-text: #1d1a38; --sf-muted: #54507a; --sf-ember-text: #a8420a;
  --sf-ember-soft: #ffe6d5; --sf-ember-line: #c9590f; --sf-ice: #1f5f9e; --sf-berry: #a81f3f; --sf-stage: #1a1932;
  --sf-focus: #4a3fd0; }
.dark { --sf-page: #131227; --sf-card: #1d1c38; --sf-card-2: #232243; --sf-field: #272649; --sf-line: #343259;
  --sf-line-strong: #7a77ab; --sf-text: #f2f1fb; --sf-muted: #bbb8dc; --sf-ember-text: #ffab73;
  --sf-ember-soft: #43293a; --sf-ember-line: #ff9147; --sf-ice: #9ccbff; --sf-berry: #ff9aae; --sf-stage: #100f22;
  --sf-focus: #b9b3ff; }
body, gradio-app { background: var(--sf-page) !important; }
"""
ASSETS = Path(canvas.__file__).parent / "assets"


@dataclass
class Stand:
    """The running server: its address and the pictures it was sent, by ref, oldest first."""

    url: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        ref = hashlib.sha256(data).hexdigest()[:16]
        self.pictures[ref] = data
        return ref

    def picture(self, ref: str) -> Image.Image:
        return Image.open(io.BytesIO(self.pictures[ref]))


def _tell(*refs: str) -> str:
    return "|".join(refs)


def _blocks() -> gr.Blocks:
    with gr.Blocks(title="Canvas", analytics_enabled=False) as blocks, gr.Tabs():
        with gr.Tab("Inpaint"):
            gr.Textbox(label="Prompt", elem_id="inpaint_prompt")
            inpaint = canvas.well("inpaint", mask=True)
            read = gr.Button("Read", elem_id="read")
            told = gr.Textbox(label="Told", elem_id="told")
            read.click(_tell, [inpaint.fields["source.image"], inpaint.fields["source.mask.image"]], told)
        with gr.Tab("img2img"):
            img2img = canvas.well("img2img", mask=False)
            again = gr.Button("Read", elem_id="read_img2img")
            heard = gr.Textbox(label="Told", elem_id="told_img2img")
            again.click(_tell, img2img.fields["source.image"], heard)
    return blocks


def _app(stand: Stand) -> FastAPI:
    app = FastAPI()
    app.mount("/app", StaticFiles(directory=ASSETS))

    @app.post("/api/v1/images", status_code=201)
    async def put(request: Request) -> Response:
        data = await request.body()
        try:
            with Image.open(io.BytesIO(data)) as picture:
                size = picture.size
        except UnidentifiedImageError:
            message = "This file is not a picture that Snowfox can read."
            return JSONResponse({"error": {"field": None, "message": message}}, 422)
        return JSONResponse({"ref": stand.put(data), "width": size[0], "height": size[1]}, 201)

    @app.get("/api/v1/inputs/{ref}")
    def get(ref: str) -> Response:
        if ref not in stand.pictures:
            return JSONResponse({"error": {"field": "ref", "message": "This picture is not there."}}, 404)
        return Response(stand.pictures[ref], media_type="image/png")

    head = "".join(f'<script defer src="app/{name}"></script>' for name in canvas.SCRIPTS)
    head += "".join(f'<link rel="stylesheet" href="app/{name}">' for name in canvas.STYLES)
    return gr.mount_gradio_app(app, _blocks(), path="/", head=head, css=TOKENS, footer_links=[])


@contextmanager
def running() -> Generator[Stand]:
    """Serves on a free loopback port until the block is left."""
    stand = Stand()
    config = uvicorn.Config(_app(stand), host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the test server did not start"
    stand.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    try:
        yield stand
    finally:
        server.should_exit = True
        thread.join(10)
