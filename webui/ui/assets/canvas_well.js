// The picture well: open, drop, paste, upload, remember, and tell the page. With a mask it holds a Painter.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, svg, icon, button } = snowfox.wellParts;
  const { readMask } = snowfox.mask;
  const SAVE_AFTER_MS = 400;
  const INVITATION = "Drop a picture here, or paste one";
  const UNREACHABLE = "Snowfox does not answer. Look whether it still runs, then try again.";
  const wells = new Map();

  // ---- server and memory

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

  const some = (...nodes) => nodes.filter(Boolean);

  function picker(take) {
    const input = el("input", { type: "file", accept: "image/*", hidden: true, tabindex: "-1", "aria-hidden": "true" });
    input.addEventListener("change", () => {
      if (input.files.length) take(input.files[0]);
      input.value = "";
    });
    return input;
  }

  // ---- one well

  class Well {
    constructor(prefix, withMask) {
      this.prefix = prefix;
      this.image = null; // {ref, width, height}
      this.maskRef = "";
      this.dirty = false;
      this.sending = null;
      this.turn = 0; // grows with every picture, so that late answers are dropped
      this.build(withMask);
      this.show();
      this.ready = this.restore();
    }

    build(withMask) {
      this.view = new snowfox.wellView.View("Picture to change");
      this.painter = withMask ? new snowfox.Painter(this.view, () => this.maskChanged()) : null;
      this.imageInput = picker((file) => this.accept(file));
      this.maskInput = picker((file) => this.acceptMask(file));
      this.actions = this.buildActions();
      this.empty = this.buildEmpty();
      this.view.frame.append(this.empty);
      this.message = el("p", { class: "sf-well-message", role: "alert", hidden: true });
      this.note = el("p", { class: "sf-well-note", role: "status", hidden: true });
      this.foot = this.buildFoot();
      const { toolbar, boxPanel, plate, lookPanel } = this.painter ?? {};
      const plates = el("div", { class: "sf-well-plates" }, ...some(plate), this.actions);
      const stage = el("div", { class: "sf-well-stage" }, this.view.frame, plates, ...some(lookPanel));
      const card = el("div", { class: "sf-well-card" }, ...some(toolbar, boxPanel), stage);
      this.root = el("div", { class: "sf-well" }, card, this.message, this.note, this.foot, this.imageInput, this.maskInput);
      this.listen();
    }

    buildActions() {
      const hint = "Use a black and white picture as mask. White is painted.";
      return el("div", { class: "sf-well-plate sf-well-actions", role: "group", "aria-label": "Picture" },
        button("open", "Open", { text: true, onclick: () => this.imageInput.click() }),
        ...some(this.painter && button("upload", "Mask", { text: true, hint, onclick: () => this.maskInput.click() })),
        button("close", "Remove picture", { onclick: () => this.remove() }));
    }

    buildEmpty() {
      const open = button("open", "Open", { text: true, kind: "sf-well-button", onclick: () => this.imageInput.click() });
      this.emptyText = el("p", {}, INVITATION);
      return el("div", { class: "sf-well-empty" }, scene(), icon("picture"), this.emptyText, open);
    }

    buildFoot() {
      this.readout = el("span");
      this.painted = el("b");
      const foot = el("p", { class: "sf-well-foot" }, this.readout);
      if (!this.painter) return foot;
      foot.prepend(el("span", {}, "Painted: ", this.painted));
      foot.append(...hints());
      return foot;
    }

    listen() {
      const { root } = this;
      root.addEventListener("dragover", (event) => {
        event.preventDefault();
        root.classList.add("sf-well-over");
      });
      root.addEventListener("dragleave", (event) => {
        if (!root.contains(event.relatedTarget)) root.classList.remove("sf-well-over");
      });
      root.addEventListener("drop", (event) => {
        event.preventDefault();
        root.classList.remove("sf-well-over");
        this.dropped(event.dataTransfer);
      });
    }

    async dropped(transfer) {
      if (transfer.files.length) return this.accept(transfer.files[0]);
      const link = transfer.getData("text/uri-list").split("\n")[0];
      if (!link || new URL(link, location.href).origin !== location.origin) return this.say("Only a picture can be dropped here.");
      const answer = await fetch(link).catch(() => null);
      if (!answer?.ok) return this.say("This picture could not be read.");
      return this.accept(await answer.blob());
    }

    // ---- what is shown

    say(sentence = "", kind = this.message) {
      for (const line of [this.message, this.note]) {
        line.textContent = line === kind ? sentence : "";
        line.hidden = !line.textContent;
      }
    }

    show() {
      const has = this.image !== null;
      this.root.dataset.state = has ? "open" : "empty";
      this.empty.hidden = has;
      this.actions.hidden = this.view.sheet.hidden = !has;
      this.foot.hidden = !has;
      this.readout.textContent = has ? `${this.image.width} × ${this.image.height}` : "";
      if (!this.painter) return;
      this.painter.plate.hidden = !has;
      this.painter.boxPanel.classList.toggle("sf-well-absent", !has);
      for (const control of this.painter.toolbar.querySelectorAll("button, input")) control.disabled = !has;
      if (has) this.painter.refresh();
      this.showPainted();
    }

    showPainted() {
      const share = this.painter.mask?.painted() ?? 0;
      const percent = share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;
      this.painted.textContent = percent;
      const label = `Mask. Paint the area to change. ${percent} is painted. Arrow keys move the brush, Enter paints.`;
      this.painter.overlay.canvas.setAttribute("aria-label", label);
      return share;
    }

    busy(working) {
      clearTimeout(this.patience);
      this.root.setAttribute("aria-busy", String(working));
      const wait = () => (this.emptyText.textContent = "Reading the picture");
      if (working) this.patience = setTimeout(wait, 300);
      else this.emptyText.textContent = INVITATION;
    }

    // ---- the picture

    async accept(file) {
      const turn = ++this.turn;
      this.say();
      this.busy(true);
      try {
        const { ref } = await upload(file);
        if (turn === this.turn) await this.use(ref, turn);
      } catch (error) {
        if (turn === this.turn) this.say(error.message);
      } finally {
        if (turn === this.turn) this.busy(false);
      }
    }

    /** Shows a picture that the server has; `mask` is its mask's ref when both are restored. */
    async use(ref, turn = ++this.turn, mask = undefined) {
      const size = await loaded(inputUrl(ref)).catch(() => {
        throw new Error("This picture is not there any more.");
      });
      if (turn !== this.turn) return;
      this.image = { ref, ...size };
      this.maskRef = mask ?? "";
      this.dirty = false;
      this.say();
      this.painter?.open(size.width, size.height);
      this.show();
      this.view.frame.style.setProperty("--sf-well-tall", (size.height / size.width).toFixed(4));
      this.view.open(inputUrl(ref), size.width, size.height);
      this.publish(mask !== undefined);
    }

    remove() {
      this.turn++;
      this.image = null;
      this.maskRef = "";
      this.dirty = false;
      clearTimeout(this.timer);
      this.painter?.close();
      this.view.picture.removeAttribute("src");
      this.say();
      this.show();
      this.publish();
      this.empty.querySelector("button").focus();
    }

    publish(restored = false) {
      this.keep();
      const detail = { target: this.prefix, ref: this.image?.ref ?? "", width: this.image?.width ?? 0, height: this.image?.height ?? 0, restored };
      document.dispatchEvent(new CustomEvent("snowfox:well", { detail }));
    }

    keep() {
      memory.write(this.prefix, this.refs());
      this.fill();
    }

    refs() {
      return { image: this.image?.ref ?? "", mask: this.maskRef };
    }

    fill() {
      fillTextbox(`${this.prefix}_image_ref`, this.image?.ref ?? "");
      if (this.painter) fillTextbox(`${this.prefix}_mask_ref`, this.maskRef);
    }

    /** After a reload: the picture and its mask as they were; what the server has forgotten is forgotten here too. */
    async restore() {
      const { image, mask = "" } = memory.read(this.prefix);
      if (!image) return;
      const turn = ++this.turn;
      try {
        await this.use(image, turn, mask);
      } catch {
        if (turn === this.turn) memory.write(this.prefix, {});
        return;
      }
      if (mask && this.painter && turn === this.turn) await this.restoreMask(mask, turn);
    }

    async restoreMask(ref, turn) {
      const { width, height } = this.image;
      const answer = await fetch(inputUrl(ref)).catch(() => null);
      const read = answer?.ok ? await readMask(await answer.blob(), width, height).catch(() => null) : null;
      if (turn !== this.turn || this.dirty || this.maskRef !== ref) return; // painted on meanwhile
      this.maskRef = read ? ref : "";
      if (read) {
        this.painter.mask.data.set(read.bytes);
        this.painter.overlay.draw(this.painter.mask.whole);
        this.showPainted();
      }
      this.keep();
    }

    // ---- the mask

    async acceptMask(file) {
      const { width, height } = this.image;
      const read = await readMask(file, width, height).catch(() => null);
      if (!read) return this.say("This file is not a picture that can be read.");
      const { size } = read;
      const same = size.width === width && size.height === height;
      this.say(same ? "" : `The mask was ${size.width} × ${size.height} and has been fitted to ${width} × ${height}.`, this.note);
      this.painter.step((mask) => mask.load(read.bytes));
    }

    maskChanged() {
      this.dirty = true;
      this.showPainted();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save().catch((error) => this.say(error.message)), SAVE_AFTER_MS);
    }

    /** Sends the mask until the server has what is on the screen. */
    async save() {
      clearTimeout(this.timer);
      while (this.dirty) {
        this.sending ??= this.send().finally(() => (this.sending = null));
        await this.sending;
      }
      await this.sending;
    }

    async send() {
      const { turn } = this;
      this.dirty = false;
      try {
        const { mask } = this.painter;
        const ref = mask.painted() > 0 ? (await upload(await mask.png())).ref : "";
        if (turn !== this.turn) return;
        this.maskRef = ref;
        this.keep();
        this.say(this.note.textContent, this.note); // an earlier failure is over
      } catch (error) {
        if (turn !== this.turn) return;
        this.dirty = true;
        throw error;
      }
    }

    async flush() {
      await this.ready;
      await this.save();
      this.fill();
      return this.refs();
    }

    // ---- page

    attach(host) {
      if (this.root.parentNode !== host) host.replaceChildren(this.root);
      this.fill();
    }

    get seen() {
      return this.root.isConnected && this.root.checkVisibility();
    }

    get attended() {
      return this.seen && (this.root.contains(document.activeElement) || this.root.matches(":hover"));
    }
  }

  /** Pines at dusk below the words of an empty well. */
  function scene() {
    const hills = "M0 150Q120 96 260 138T520 120T800 144V200H0z";
    const snow = "M0 176Q200 150 420 172T800 164V200H0z";
    const pine = (x, y, tall) => [0.34, 0.66, 1].map((part) => {
      const wide = tall * 0.34 * part;
      const foot = y - tall * (1 - part);
      return `M${x} ${foot - tall * 0.46}L${x + wide} ${foot}H${x - wide}z`;
    }).join("");
    const pines = [[30, 92], [76, 64], [118, 108], [170, 58], [640, 60], [688, 104], [732, 70], [776, 116]];
    const row = pines.map(([x, tall]) => pine(x, 184, tall)).join("");
    const layers = [[hills, "sf-well-hills"], [row, "sf-well-pines"], [snow, "sf-well-snow"]].map(([d, kind]) => svg("path", { d, class: kind }));
    const attributes = { class: "sf-well-scene", viewBox: "0 0 800 200", preserveAspectRatio: "xMidYMax slice" };
    return svg("svg", { ...attributes, "aria-hidden": "true" }, ...layers);
  }

  function hints() {
    const hint = (key, words, kind) => el("span", { class: kind }, el("b", {}, key), ` ${words}`);
    return [
      hint("[ ]", "brush size", "sf-well-fine"),
      hint("Space", "moves the view", "sf-well-fine"),
      hint("Wheel", "zooms", "sf-well-fine"),
      hint("Two fingers", "zoom and move", "sf-well-coarse"),
    ];
  }

  // ---- the page around the wells

  const isTyping = (node) => node?.closest?.("textarea, select, [contenteditable], input:not([type=range], [type=color], [type=file])");

  function onKey(event) {
    if (event.defaultPrevented || isTyping(document.activeElement)) return;
    for (const well of wells.values()) {
      if (!well.painter || !well.attended || !well.painter.key(event)) continue;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
  }

  function onPaste(event) {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file || (isTyping(document.activeElement) && event.clipboardData.types.includes("text/plain"))) return;
    const well = [...wells.values()].find((one) => one.seen);
    if (!well) return;
    event.preventDefault();
    well.accept(file);
  }

  /** Gradio takes the parts of closed tabs out of the page and builds them again: the wells move back in. */
  function attachAll() {
    for (const host of document.querySelectorAll("[data-sf-well]")) {
      const prefix = host.dataset.sfWell;
      if (!wells.has(prefix)) wells.set(prefix, new Well(prefix, host.dataset.sfMask === "true"));
      wells.get(prefix).attach(host);
    }
  }

  document.addEventListener("snowfox:picture", ({ detail: { target, ref } }) => {
    const well = wells.get(target);
    if (!well) return memory.write(target, { image: ref, mask: "" }); // its tab was never open
    if (well.image?.ref === ref) return undefined;
    return well.use(ref).catch((error) => well.say(error.message));
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("paste", onPaste);
  // A file dropped beside a well must not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  }

  snowfox.canvas = {
    flush: async (target) => (wells.has(target) ? wells.get(target).flush() : memory.read(target)),
  };

  new MutationObserver(attachAll).observe(document.documentElement, { childList: true, subtree: true });
  attachAll();
})();
