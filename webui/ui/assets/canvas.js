// The painter: layers over one picture, the tool in hand, and pointers.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el } = snowfox.wellParts;
  const { Mask, Sketch, Toolbar, Extend, gestures } = snowfox;
  const { Overlay, Tint, Guide } = snowfox.wellView;
  const SECOND_FINGER_MS = 350;

  class Painter {
    /** masked: paints a mask, and colours on wish; else colours alone. `changed` is called after every finished step. */
    constructor(view, masked, changed) {
      this.view = view;
      this.masked = masked;
      this.changed = changed;
      this.overlay = new Overlay();
      this.tint = new Tint();
      this.guide = new Guide();
      this.extend = masked ? new Extend(view, changed) : null;
      this.mask = this.sketch = null;
      this.mode = masked ? "mask" : "sketch";
      this.tool = "brush";
      this.size = 64;
      this.soft = 0;
      this.sized = false;
      this.ink = { colour: "#e0453a", opacity: 1 };
      this.trail = []; // the layers of the steps that can be undone, and of those that can be done again
      this.ahead = [];
      this.pointers = new Map();
      this.gesture = null;
      this.last = null;
      this.hover = null;
      this.space = false;
      this.ring = el("div", { class: "sf-well-ring", hidden: true });
      view.sheet.append(this.tint.canvas, ...(masked ? [this.overlay.canvas] : []));
      this.surface = masked ? this.overlay.canvas : this.tint.canvas;
      for (const [name, value] of [["tabindex", "0"], ["role", "img"], ["data-surface", ""]]) this.surface.setAttribute(name, value);
      view.frame.append(this.guide.node, this.ring);
      this.toolbar = new Toolbar(this);
      view.onchange = () => this.moveAlong();
      this.listen();
      this.choose("brush");
    }

    // ---- state

    get opened() {
      return this.sketch !== null;
    }

    get layer() {
      return this.mode === "mask" ? this.mask : this.sketch;
    }

    open(width, height) {
      this.interrupt();
      this.mask = this.masked ? new Mask(width, height) : null;
      this.sketch = new Sketch(width, height);
      if (this.mask) this.overlay.open(this.mask);
      this.tint.open(this.sketch);
      this.extend?.open(width, height);
      this.trail = [];
      this.ahead = [];
      const longest = Math.max(width, height);
      this.sizeLimit = Math.max(32, Math.round(longest / 3));
      if (!this.sized || this.size > this.sizeLimit) this.size = Math.max(8, Math.round(longest / 10));
      this.toolbar.size.change(this.size, this.sizeLimit);
      const [x, y, wide, tall] = [width / 4, height / 4, width / 2, height / 2].map(Math.round);
      this.toolbar.showBox({ x, y, width: wide, height: tall });
      this.last = null;
      this.refresh();
    }

    close() {
      this.interrupt();
      this.mask = this.sketch = null;
      this.extend?.open(1, 1);
      this.ring.hidden = true;
    }

    /** mode: mask or sketch. */
    paint(mode) {
      if (!this.masked || this.gesture) return;
      this.mode = mode;
      this.last = null;
      this.choose(this.tool === "pick" && mode === "mask" ? "brush" : this.tool);
    }

    choose(tool) {
      if (tool === "pick" && this.mode !== "sketch") return;
      this.tool = tool;
      this.toolbar.mark(this);
      this.view.frame.dataset.tool = tool;
      this.placeRing();
    }

    resize(size) {
      this.sized = true;
      this.size = Math.min(this.sizeLimit, Math.max(1, Math.round(size)));
      this.toolbar.size.change(this.size);
      this.placeRing();
    }

    dye(colour) {
      this.ink.colour = this.toolbar.ink.value = colour;
    }

    thin(opacity) {
      this.ink.opacity = opacity;
    }

    toggleSeen() {
      const hidden = this.surface.classList.toggle("sf-well-unseen");
      this.toolbar.eye.setAttribute("aria-pressed", String(!hidden));
    }

    refresh() {
      this.toolbar.undo.disabled = !this.trail.length;
      this.toolbar.redo.disabled = !this.ahead.length;
      this.toolbar.mark(this);
    }

    // ---- layers and their steps

    draw(rect, layer = this.layer) {
      (layer === this.mask ? this.overlay : this.tint).draw(rect);
    }

    /** One undoable change of the layer in hand. */
    step(change) {
      if (!this.opened || this.gesture) return;
      this.sketch.ink(this.ink.colour, this.ink.opacity);
      this.layer.begin();
      this.draw(change(this.layer));
      this.finish();
    }

    /** Lays pixels into a layer without a step. */
    fill(layer, pixels) {
      if (layer === this.sketch) layer.load(pixels);
      else layer.data.set(pixels);
      this.draw(layer.whole, layer);
    }

    clear() {
      this.step((layer) => (layer === this.mask ? layer.fill(0) : layer.clear()));
    }

    finish() {
      if (this.layer.commit()) {
        this.trail.push(this.layer);
        this.ahead = [];
        this.changed();
      }
      this.refresh();
    }

    travel(direction) {
      if (!this.opened || this.gesture) return;
      const [from, to] = direction === "undo" ? [this.trail, this.ahead] : [this.ahead, this.trail];
      for (let layer = from.pop(); layer; layer = from.pop()) {
        const rect = layer[direction]();
        if (!rect) continue; // a step so old that its pixels are no longer kept
        to.push(layer);
        this.draw(rect, layer);
        this.changed();
        break;
      }
      this.refresh();
    }

    /** The mask as it counts: what is coloured is to change as well. */
    get painted() {
      const bytes = this.mask.data.slice();
      if (this.sketch.untouched) return bytes;
      const { data } = this.sketch;
      for (let at = 0; at < bytes.length; at++) bytes[at] = Math.max(bytes[at], data[at] >>> 24);
      return bytes;
    }

    /** How much is painted, 0..1. */
    get share() {
      if (!this.mask) return 0;
      const mask = this.painted;
      let sum = 0;
      for (let at = 0; at < mask.length; at++) sum += mask[at];
      return sum / (255 * mask.length);
    }

    // ---- pointers: one paints, two zoom and move; Space or the middle button moves

    listen() {
      const { surface } = this;
      const { frame } = this.view;
      frame.addEventListener("pointerdown", (event) => this.down(event));
      frame.addEventListener("pointermove", (event) => this.moved(event));
      for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, (event) => this.up(event));
      frame.addEventListener("pointerleave", () => this.leave());
      frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      frame.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
      frame.addEventListener("auxclick", (event) => event.preventDefault());
      surface.addEventListener("focus", () => this.placeRing());
      surface.addEventListener("blur", () => this.leave());
      window.addEventListener("keyup", (event) => event.code === "Space" && this.holdSpace(false));
      window.addEventListener("blur", () => this.holdSpace(false));
    }

    down(event) {
      if (!this.opened) return;
      if (event.button > 1 && event.button !== 5) return;
      event.preventDefault();
      this.surface.focus({ preventScroll: true });
      this.view.frame.classList.add("sf-well-held"); // no focus frame while a pointer does the work
      if (event.pointerType === "touch" && this.gesture?.pen) return; // the palm beside a pen
      this.view.frame.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      if (this.pointers.size === 2) return this.pinch();
      if (this.pointers.size > 2 || this.gesture) return;
      this.sketch.ink(this.ink.colour, this.ink.opacity);
      if (event.button === 1 || this.space) this.gesture = gestures.panning(this);
      else this.gesture = this.tool === "pick" ? gestures.picking(this, event) : gestures.painting(this, event);
      this.view.frame.classList.add("sf-well-busy");
    }

    moved(event) {
      const pen = event.pointerType !== "touch";
      this.hover = pen ? this.view.toPicture(event.clientX, event.clientY) : null;
      this.placeRing();
      if (!this.pointers.has(event.pointerId)) return;
      const before = this.pointers.get(event.pointerId);
      this.pointers.set(event.pointerId, event);
      this.gesture?.move(event, before);
    }

    up(event) {
      if (!this.pointers.delete(event.pointerId)) return;
      if (this.gesture?.pinch && this.pointers.size) return;
      const gesture = this.gesture;
      this.rest();
      gesture?.end();
      this.refresh();
    }

    /** A second finger: what the first began is taken back when it had only just begun. */
    pinch() {
      const begun = this.gesture;
      if (begun && performance.now() - begun.since < SECOND_FINGER_MS) begun.cancel?.();
      else begun?.end();
      this.guide.show([]);
      this.gesture = gestures.pinching(this);
    }

    interrupt() {
      this.pointers.clear();
      (this.gesture?.cancel ?? this.gesture?.end)?.();
      this.rest();
    }

    rest() {
      this.gesture = null;
      this.guide.show([]);
      this.view.frame.classList.remove("sf-well-busy");
    }

    leave() {
      this.hover = null;
      this.placeRing();
    }

    wheel(event) {
      if (!this.opened) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.view.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / 500), event.clientX, event.clientY);
    }

    moveAlong() {
      this.placeRing();
      this.extend?.place();
    }

    placeRing() {
      const round = this.tool === "brush" || this.tool === "eraser";
      const show = Boolean(this.opened && this.hover && round && !this.space);
      this.ring.hidden = !show;
      if (!show) return;
      const { x, y } = this.view.toFrame(this.hover);
      const width = Math.max(3, this.size * this.view.scale);
      this.ring.style.width = this.ring.style.height = `${width}px`;
      this.ring.style.transform = `translate(${x - width / 2}px, ${y - width / 2}px)`;
    }

    holdSpace(held) {
      this.space = held;
      this.view.frame.classList.toggle("sf-well-hand", held);
      this.placeRing();
    }
  }

  snowfox.Painter = Painter;
})();
