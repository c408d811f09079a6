// ControlNet's drawer: a look at what the network would see.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h } = sf;

  sf.place("hint", (root) => {
    const part = root.dataset.part;
    const tab = root.dataset.tab;
    const shown = h("img", { alt: "What the control network sees", hidden: true });
    const told = h("p", { class: "sf-faint", role: "status" });
    root.replaceChildren(sf.button("Show what the network sees", look, { name: "img", kind: "sf-sm" }), told, shown);

    const text = (id) => document.querySelector(`#${part}_${id} textarea, #${part}_${id} input`)?.value ?? "";
    const number = (id) => Number(document.querySelector(`#${part}_${id} input[type="number"]`)?.value || 0);

    async function look() {
      const image = text("image_ref");
      told.textContent = image ? "" : "Open a picture first.";
      if (!image) return;
      const asked = {
        image, preprocessor: text("preprocessor"), low: number("threshold_a"), high: number("threshold_b"),
        width: Number(sf.field(`${tab}_width`)?.value) || 512, height: Number(sf.field(`${tab}_height`)?.value) || 512,
      };
      const answer = await fetch("api/v1/hints", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked) });
      if (!answer.ok) {
        told.textContent = (await answer.json().catch(() => null))?.error?.message ?? "This picture could not be prepared.";
        return;
      }
      // As a data address: the page's policy lets no other kind of made-up address in.
      const reader = new FileReader();
      reader.addEventListener("load", () => {
        shown.src = reader.result;
        shown.hidden = false;
      });
      reader.readAsDataURL(await answer.blob());
    }
  });
})();
