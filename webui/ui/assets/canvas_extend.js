// Outpainting: the frame around the picture that says how far it is to be extended, by buttons, by dragging, by keys.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, act, panel } = snowfox.wellParts;
  const SIDES = [
    ["left", "Left", -1, 0],
    ["top", "Top", 0, -1],
    ["right", "Right", 1, 0],
    ["bottom", "Bottom", 0, 1],
  ];
  const STEP = 8;
  const MOST = 2048;
  const RIM = 96;
  const NONE = { left: 0, top: 0, right: 0, bottom: 0 };

  class Extend {
    /** `changed` is called after every change of the frame. */
    constructor(view, changed) {
      this.view = view;
      this.changed = changed;
      this.area = el("div", { class: "sf-well-extent", "aria-hidden": "true", hidden: true });
      view.sheet.prepend(this.area);
      this.handles = new Map(SIDES.map(([side, label]) => [side, this.buildHandle(side, label)]));
      view.frame.append(...this.handles.values());
      this.panel = this.buildPanel();
      this.shown = false;
      this.place();
    }

    get around() {
      return this.view.around;
    }

    get any() {
      return SIDES.some(([side]) => this.around[side] > 0);
    }

    /** As the server reads it: left, top, right, bottom in pixels; "" for none. */
    get words() {
      return this.any ? SIDES.map(([side]) => this.around[side]).join(",") : "";
    }

    set words(text) {
      const numbers = String(text ?? "").split(",").map(Number);
      SIDES.forEach(([side], at) => (this.around[side] = clamp(numbers[at] || 0)));
      this.refresh();
    }

    buildPanel() {
      this.by = el("input", { type: "number", min: STEP, max: MOST, step: STEP, value: 64, "aria-label": "Pixels to extend by" });
      const by = () => Math.max(STEP, clamp(Number(this.by.value) || 64));
      const grow = ([side, label]) => act(label, () => this.set(side, this.around[side] + by()), `Extend to the ${label.toLowerCase()}`);
      const reset = act("Reset", () => this.reset(), "Do not extend");
      this.told = el("span", { role: "status" });
      return panel("Extend the picture", el("label", { title: "In pixels of the picture" }, "By", this.by), ...SIDES.map(grow), reset, this.told);
    }

    buildHandle(side, label) {
      const attributes = {
        class: "sf-well-handle", role: "slider", tabindex: "0", hidden: true, "data-side": side,
        "aria-label": `Extend to the ${label.toLowerCase()}`, "aria-valuemin": 0, "aria-valuemax": MOST,
        "aria-orientation": side === "left" || side === "right" ? "horizontal" : "vertical",
      };
      const node = el("div", attributes);
      node.addEventListener("pointerdown", (event) => this.drag(event, side, node));
      node.addEventListener("keydown", (event) => this.key(event, side));
      return node;
    }

    drag(event, side, node) {
      if (event.button) return;
      event.preventDefault();
      event.stopPropagation();
      node.focus({ preventScroll: true });
      node.setPointerCapture(event.pointerId);
      const [, , dx, dy] = SIDES.find(([name]) => name === side);
      const { clientX, clientY } = event;
      const before = this.around[side];
      const { scale } = this.view; // the view stays as it is until the handle is let go
      const move = (next) => {
        next.stopPropagation();
        const way = (next.clientX - clientX) * dx + (next.clientY - clientY) * dy;
        this.around[side] = clamp(before + way / scale);
        this.refresh(false);
      };
      const end = () => {
        node.removeEventListener("pointermove", move);
        this.refresh();
        this.changed();
      };
      node.addEventListener("pointermove", move);
      node.addEventListener("lostpointercapture", end, { once: true });
    }

    key(event, side) {
      const [, , dx, dy] = SIDES.find(([name]) => name === side);
      const ways = { ArrowLeft: -dx, ArrowRight: dx, ArrowUp: -dy, ArrowDown: dy };
      const way = ways[event.key] || (event.key === "Home" ? -MOST : 0);
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      this.set(side, this.around[side] + way * (event.shiftKey ? 64 : STEP));
    }

    set(side, pixels) {
      this.around[side] = clamp(pixels);
      this.refresh();
      this.changed();
    }

    reset() {
      if (!this.any) return;
      Object.assign(this.around, NONE);
      this.refresh();
      this.changed();
    }

    show(shown) {
      this.shown = shown;
      this.view.leave(shown ? RIM : 0);
      this.refresh();
    }

    /** A new picture is extended by nothing. */
    open(width, height) {
      Object.assign(this.around, NONE);
      this.by.value = Math.max(STEP, Math.round(Math.min(width, height) / 4 / STEP) * STEP);
      this.refresh();
    }

    refresh(fit = true) {
      const { left, top } = this.around;
      const { width, height } = this.view.extent;
      this.area.hidden = !this.any;
      Object.assign(this.area.style, { left: `${-left}px`, top: `${-top}px`, width: `${width}px`, height: `${height}px` });
      this.told.textContent = this.any ? `${width} × ${height}` : "Press a side, or drag one.";
      if (fit && this.view.fitted) this.view.fit();
      else this.view.apply();
    }

    /** Puts the handles at the sides of the frame; they keep their size at every zoom. */
    place() {
      const { left, top, right, bottom } = this.around;
      const from = this.view.toFrame({ x: -left, y: -top });
      const to = this.view.toFrame({ x: this.view.width + right, y: this.view.height + bottom });
      for (const [side, , dx, dy] of SIDES) {
        const node = this.handles.get(side);
        const x = dx ? (dx < 0 ? from.x : to.x) : (from.x + to.x) / 2;
        const y = dy ? (dy < 0 ? from.y : to.y) : (from.y + to.y) / 2;
        node.hidden = !this.shown;
        node.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
        node.setAttribute("aria-valuenow", String(this.around[side]));
        node.setAttribute("aria-valuetext", `${this.around[side]} pixels`);
      }
    }
  }

  function clamp(pixels) {
    return Math.min(MOST, Math.max(0, Math.round(pixels / STEP) * STEP));
  }

  snowfox.Extend = Extend;
})();
