// What a well asks of the server, and what the browser remembers of it.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const UNREACHABLE = "Snowfox does not answer. Look whether it still runs, then try again.";

  async function upload(blob) {
    const answer = await fetch("api/v1/images", {
      method: "POST",
      headers: { "Content-Type": blob.type || "application/octet-stream" },
      body: blob,
    }).catch(() => null);
    if (!answer) throw new Error(UNREACHABLE);
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(body.error?.message ?? "This picture could not be taken.");
    return body;
  }

  const inputUrl = (ref) => `api/v1/inputs/${encodeURIComponent(ref)}`;

  /** The file of a stored picture; null when it is not there. */
  async function download(ref) {
    const answer = await fetch(inputUrl(ref)).catch(() => null);
    return answer?.ok ? answer.blob() : null;
  }

  async function loaded(url) {
    const image = new Image();
    image.src = url;
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight };
  }

  const memory = {
    key: (prefix) => `snowfox.well.${prefix}`,
    read(prefix) {
      try {
        return JSON.parse(localStorage.getItem(this.key(prefix))) ?? {};
      } catch {
        return {};
      }
    },
    write(prefix, refs) {
      try {
        localStorage.setItem(this.key(prefix), JSON.stringify(refs));
      } catch {
        // A browser that keeps nothing: the picture lasts until the next reload.
      }
    },
  };

  /** Puts a value into a hidden Gradio textbox; the server reads it with the next event. */
  function fillTextbox(id, value) {
    const input = document.querySelector(`#${id} textarea, #${id} input`);
    if (!input || input.value === value) return;
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  snowfox.wellStore = { upload, inputUrl, download, loaded, memory, fillTextbox };
})();
