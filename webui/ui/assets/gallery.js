// The Gallery tab and the full view.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon, state } = sf;

  // ----- gallery -----
  function dayOf(created) {
    const date = new Date(created * 1000);
    const today = new Date();
    const days = Math.round((new Date(today).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: date.getFullYear() === today.getFullYear() ? undefined : "numeric" });
  }

  function fact(name, value) {
    return value === "" || value === undefined || value === null ? [] : [h("dt", {}, name), h("dd", {}, String(value))];
  }

  function facts(image) {
    const recipe = image.recipe || {};
    const sampler = recipe.sampler ? `${recipe.sampler}, ${recipe.schedule}, ${recipe.steps} steps` : "";
    return h("dl", { class: "sf-kv" },
      ...fact("Model", recipe.checkpoint), ...fact("Sampler", sampler), ...fact("CFG", recipe.guidance),
      ...fact("Strength", recipe.source?.strength), ...fact("Seed", image.seed), ...fact("Size", `${image.width} × ${image.height}`),
      ...fact("Made", new Date(image.created * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })));
  }

  // A job once it is over.
  async function over(job) {
    while (sf.isLive(job)) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      job = await sf.ask(`jobs/${job.id}`);
    }
    return job;
  }

  function verdict(found, address) {
    if (found.identical) return [h("p", { class: "sf-note sf-good" }, icon("check"), h("span", {}, "Identical: the same picture to the last pixel."))];
    const mean = found.mean < 0.01 ? "less than 0.01" : found.mean.toFixed(2);
    return [
      h("p", { class: "sf-note" }, icon("info"), h("span", {}, `Not identical: ${mean} of 255 apart on average, ${found.largest} at most.`)),
      h("ul", { class: "sf-causes" }, ...found.causes.map((cause) => h("li", {}, cause))),
      h("img", { src: `api/v1/${address}/difference`, alt: "Where the two differ, amplified" }),
    ];
  }

  sf.place("gallery", (root) => {
    const search = root.querySelector("input");
    const told = root.querySelector("[role='status']");
    const days = root.querySelector(".sf-days");
    const detail = root.querySelector(".sf-detail");
    let images = [];
    let next = null;
    let picked = null;
    let asked = 0;
    let second = { id: null, parts: [] }; // what was found when a picture was made again

    async function load(more) {
      const turn = (asked += 1);
      const query = new URLSearchParams({ search: search.value, limit: "60" });
      if (more && next) query.set("before", next);
      const answer = await sf.ask(`images?${query}`).catch((error) => sf.toast(error.message));
      if (!answer || turn !== asked) return;
      images = more ? [...images, ...answer.images] : answer.images;
      next = answer.next;
      if (!images.some((image) => image.id === picked)) picked = images[0]?.id ?? null;
      draw();
    }

    function tile(image, at) {
      const task = image.recipe?.source ? (image.recipe.source.mask ? "Inpaint" : "img2img") : "";
      return h("button", {
        type: "button", class: "sf-tile", "aria-pressed": String(image.id === picked), "data-id": image.id,
        "aria-label": image.prompt || "No prompt",
        onclick: () => choose(image.id),
        ondblclick: () => sf.zoom(images, at),
      }, h("img", { src: sf.address(image.id, "/thumbnail"), alt: "", loading: "lazy" }), task ? h("span", {}, task) : null);
    }

    function choose(id) {
      picked = id;
      for (const item of days.querySelectorAll(".sf-tile")) item.setAttribute("aria-pressed", String(item.dataset.id === id));
      drawDetail();
    }

    function draw() {
      const groups = new Map();
      images.forEach((image, at) => {
        const day = dayOf(image.created);
        if (!groups.has(day)) groups.set(day, []);
        groups.get(day).push(tile(image, at));
      });
      const parts = [...groups].flatMap(([day, tiles]) => [
        h("h2", {}, day, h("small", {}, sf.plural(tiles.length))),
        h("div", { class: "sf-grid" }, ...tiles),
      ]);
      if (next) parts.push(sf.button("Show more", () => load(true)));
      if (!images.length) parts.push(nothing());
      days.replaceChildren(...parts);
      told.textContent = images.length ? `${sf.plural(images.length)}${next ? " and more" : ""}` : "";
      drawDetail();
    }

    function nothing() {
      const text = search.value ? "No picture fits these words." : "Pictures you make appear here, newest first.";
      return h("section", { class: "sf-card sf-empty" }, icon("img"), h("h2", {}, search.value ? "Nothing found" : "No pictures yet"), h("p", {}, text));
    }

    function drawDetail() {
      const image = images.find((item) => item.id === picked);
      detail.hidden = !image;
      if (!image) return;
      const at = images.indexOf(image);
      const open = h("button", { type: "button", class: "sf-detail-pic", "aria-label": "Full size", onclick: () => sf.zoom(images, at) }, h("img", { src: sf.address(image.id), alt: image.prompt || "Picture" }));
      const send = (target, name, word) => sf.button(word, () => sf.send(target, image.id), { name, kind: "sf-sm" });
      detail.replaceChildren(
        open,
        h("div", { class: "sf-wraps sf-even" },
          sf.button("Save", () => sf.save(image.id), { name: "save", kind: "sf-sm" }),
          sf.button("Copy", () => sf.copy(image.parameters), { name: "copy", kind: "sf-sm", title: "Copy the settings as text" }),
          sf.button("Delete", () => sf.discard(image.id), { name: "trash", kind: "sf-sm sf-danger", title: "Move to the bin (Delete)" })),
        h("p", {}, image.prompt || "No prompt"),
        ...(image.recipe?.negative ? [h("p", { class: "sf-faint" }, `Without: ${image.recipe.negative}`)] : []),
        facts(image),
        h("div", { class: "sf-again", "aria-live": "polite" }, ...(second.id === image.id ? second.parts : [])),
        sf.button("Make it again", (event) => makeAgain(image, event.currentTarget), { name: "reuse", title: "Render these settings once more, and see whether it is the same picture" }),
        sf.button("Use these settings", () => sf.use(image.id), { name: "play", kind: "sf-tint", title: "Fill the form with these settings" }),
        h("div", { class: "sf-wraps sf-even" }, send("img2img", "img", "img2img"), send("inpaint", "brush", "Inpaint"), send("extras", "fullscreen", "Extras")),
      );
    }

    // Renders a picture once more and tells whether it is the same.
    async function makeAgain(image, press) {
      const say = (...parts) => {
        second = { id: image.id, parts };
        if (picked === image.id) detail.querySelector(".sf-again").replaceChildren(...parts);
      };
      press.disabled = true;
      say(h("p", { class: "sf-note" }, icon("info"), h("span", {}, "It is being made again.")));
      try {
        const job = await over(await sf.post(`images/${image.id}/again`));
        if (job.state !== "done") throw new Error(job.failure?.message || "It was stopped.");
        const address = `images/${image.id}/again/${job.images[0].id}`;
        say(...verdict(await sf.ask(address), address));
      } catch (error) {
        say(h("p", { class: "sf-note sf-bad", role: "alert" }, icon("warn"), h("span", {}, error.message)));
      }
      press.disabled = false;
    }

    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => load(false), 200);
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Delete" && picked && event.target !== search) sf.discard(picked);
    });
    const again = () => (root.isConnected ? load(false) : document.removeEventListener("snowfox:pictures", again));
    document.addEventListener("snowfox:pictures", again);
    load(false);
  });

  // ----- full view -----
  function zoom(images, start) {
    let at = Math.min(Math.max(start, 0), images.length - 1);
    const opener = document.activeElement;
    const pic = h("img", { alt: "" });
    const word = h("p", { role: "status" });
    const tool = (name, label, run) => h("button", { type: "button", class: "sf-ib", "aria-label": label, title: label, onclick: run }, icon(name));
    const close = () => dialog.close();
    const left = () => show(at - 1);
    const right = () => show(at + 1);
    const dialog = h("dialog", { class: "sf-html sf-zoom", "aria-label": "Picture" },
      h("div", { class: "sf-zoom-bar" }, word,
        tool("save", "Save (S)", () => sf.save(images[at].id)), tool("trash", "Delete (Delete)", remove), tool("x", "Close (Esc)", close)),
      tool("left", "Previous picture", left), pic, tool("chev", "Next picture", right));

    function show(index) {
      at = (index + images.length) % images.length;
      const image = images[at];
      pic.src = sf.address(image.id);
      pic.alt = image.prompt || "Picture";
      word.textContent = `${at + 1} of ${images.length}, ${image.width} × ${image.height}`;
    }

    function remove() {
      sf.discard(images[at].id);
      images = images.filter((_, index) => index !== at);
      if (images.length) show(Math.min(at, images.length - 1));
      else close();
    }

    dialog.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: left, ArrowRight: right, Delete: remove, s: () => sf.save(images[at].id) };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    dialog.addEventListener("click", (event) => event.target === dialog && close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus?.({ preventScroll: true });
    });
    document.body.append(dialog);
    show(at);
    dialog.showModal();
  }

  Object.assign(sf, { zoom });
})();
