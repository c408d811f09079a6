// The mask painter: tools, pointers and keys over one picture. Bytes live in canvas_mask.js, pixels in canvas_view.js.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, button, knob } = snowfox.wellParts;
  const { Mask, union } = snowfox.mask;
  const { Overlay, Guide } = snowfox.wellView;
  const TOOLS = [
    ["brush", "Brush", "B"],
    ["eraser", "Eraser", "E"],
    ["box", "Box", "R"],
    ["lasso", "Lasso", "L"],
  ];
  const SECOND_FINGER_MS = 350;
  const LOOK = { key: "snowfox.mask.look", usual: { colour: "#3ce8be", strength: 65 } };

  function readLook() {
    try {
      const { colour, strength } = JSON.parse(localStorage.getItem(LOOK.key)) ?? {};
      if (/^#[0-9a-f]{6}$/.test(colour) && strength >= 20 && strength <= 100) return { colour, strength };
    } catch {
      // Nothing readable is kept: the usual look.
    }
    return { ...LOOK.usual };
  }

  function keepLook(look) {
    try {
      localStorage.setItem(LOOK.key, JSON.stringify(look));
    } catch {
      // A browser that keeps nothing.
    }
  }

  class Painter {
    /** `changed` is called after every finished step. */
    constructor(view, changed) {
      this.view = view;
      this.changed = changed;
      this.overlay = new Overlay();
      this.guide = new Guide();
      this.mask = null;
      this.tool = "brush";
      this.size = 64;
      this.soft = 0;
      this.sized = false;
      this.pointers = new Map();
      this.gesture = null;
      this.last = null;
      this.hover = null;
      this.space = false;
      this.ring = el("div", { class: "sf-well-ring", hidden: true });
      view.sheet.append(this.overlay.canvas);
      this.plate = this.buildPlate();
      view.frame.append(this.guide.node, this.ring);
      this.toolbar = this.buildToolbar();
      this.boxPanel = this.buildBoxPanel();
      view.onchange = () => this.placeRing();
      this.listen();
      this.choose("brush");
    }

    // ---- parts

    buildToolbar() {
      this.toolButtons = new Map(
        TOOLS.map(([tool, label, key]) => [tool, button(tool, label, { key, pressed: "false", onclick: () => this.choose(tool) })]),
      );
      this.sizeKnob = knob("Size", "Width of the brush in pixels of the picture. Keys [ and ].", {
        min: 1, max: 200, value: this.size, oninput: (size) => this.resize(size),
      });
      this.softKnob = knob("Soft", "How far the brush fades towards its edge.", {
        min: 0, max: 100, value: 0, show: (value) => `${value} %`, oninput: (value) => (this.soft = value / 100),
      });
      this.undoButton = button("undo", "Undo", { key: "Ctrl+Z", onclick: () => this.travel("undo") });
      this.redoButton = button("redo", "Redo", { key: "Ctrl+Shift+Z", onclick: () => this.travel("redo") });
      const group = (...nodes) => el("div", { class: "sf-well-group" }, ...nodes);
      return el("div", { class: "sf-well-tools", role: "toolbar", "aria-label": "Mask tools" },
        group(...this.toolButtons.values()),
        el("div", { class: "sf-well-group sf-well-knobs" }, this.sizeKnob.node, this.softKnob.node),
        group(this.undoButton, this.redoButton,
          button("invert", "Invert the mask", { key: "I", onclick: () => this.step((mask) => mask.invert()) }),
          button("fill", "Paint everything", { onclick: () => this.step((mask) => mask.fill(255)) }),
          button("clear", "Clear the mask", { onclick: () => this.step((mask) => mask.fill(0)) })));
    }

    buildPlate() {
      const zoom = (factor) => () => this.view.zoom(factor);
      this.eye = button("eye", "Show the mask", { key: "H", pressed: "true", onclick: () => this.toggleMask() });
      const look = readLook();
      const apply = () => {
        this.overlay.colour(look.colour);
        this.overlay.canvas.style.opacity = look.strength / 100;
        keepLook(look);
      };
      const change = (part, value) => {
        look[part] = value;
        apply();
      };
      apply();
      const colour = el("input", { type: "color", value: look.colour, "aria-label": "Colour of the mask" });
      colour.addEventListener("input", () => change("colour", colour.value));
      const strength = knob("Strength", "How strongly the mask covers the picture.", {
        min: 20, max: 100, value: look.strength, show: (value) => `${value} %`, oninput: (value) => change("strength", value),
      });
      const labelled = el("label", { class: "sf-well-knob" }, el("span", {}, "Colour"), colour);
      this.lookPanel = el("div", { class: "sf-well-look", hidden: true }, labelled, strength.node);
      const opener = button("look", "Colour of the mask", { onclick: () => {
        this.lookPanel.hidden = !this.lookPanel.hidden;
        opener.setAttribute("aria-expanded", String(!this.lookPanel.hidden));
      } });
      opener.setAttribute("aria-expanded", "false");
      return el("div", { class: "sf-well-plate sf-well-zoom", role: "group", "aria-label": "View" }, this.eye, opener,
        button("minus", "Zoom out", { key: "-", onclick: zoom(1 / 1.25) }),
        button("fit", "Fit to view", { key: "0", onclick: () => this.view.fit() }),
        button("plus", "Zoom in", { key: "+", onclick: zoom(1.25) }));
    }

    buildBoxPanel() {
      const names = ["Left", "Top", "Width", "Height"];
      const field = (name) => el("input", { type: "number", min: 0, step: 1, value: 0, "aria-label": `${name} of the box` });
      this.boxFields = names.map(field);
      const labelled = names.map((name, at) => el("label", { title: "In pixels of the picture" }, name, this.boxFields[at]));
      const act = (label, erase) =>
        el("button", { type: "button", class: "sf-well-button", "aria-label": `${label} the box`, onclick: () => this.boxByNumbers(erase) }, label);
      const attributes = { class: "sf-well-box", role: "group", "aria-label": "Box by numbers", hidden: true };
      return el("div", attributes, ...labelled, act("Paint", false), act("Erase", true));
    }

    // ---- state

    open(width, height) {
      this.interrupt();
      this.mask = new Mask(width, height);
      this.overlay.open(this.mask);
      const longest = Math.max(width, height);
      this.sizeLimit = Math.max(32, Math.round(longest / 3));
      if (!this.sized || this.size > this.sizeLimit) this.size = Math.max(8, Math.round(longest / 10));
      this.sizeKnob.change(this.size, this.sizeLimit);
      this.boxFields.forEach((input, at) => (input.value = Math.round([width / 4, height / 4, width / 2, height / 2][at])));
      this.last = null;
      this.refresh();
    }

    close() {
      this.interrupt();
      this.mask = null;
      this.ring.hidden = true;
    }

    choose(tool) {
      this.tool = tool;
      for (const [name, node] of this.toolButtons) node.setAttribute("aria-pressed", String(name === tool));
      this.boxPanel.hidden = tool !== "box";
      this.view.frame.dataset.tool = tool;
      this.placeRing();
    }

    resize(size) {
      this.sized = true;
      this.size = Math.min(this.sizeLimit, Math.max(1, Math.round(size)));
      this.sizeKnob.change(this.size);
      this.placeRing();
    }

    toggleMask() {
      const hidden = this.overlay.canvas.classList.toggle("sf-well-unseen");
      this.eye.setAttribute("aria-pressed", String(!hidden));
    }

    refresh() {
      this.undoButton.disabled = !this.mask?.done.length;
      this.redoButton.disabled = !this.mask?.undone.length;
    }

    /** One undoable change of the mask. */
    step(change) {
      if (!this.mask || this.gesture) return;
      this.mask.begin();
      this.overlay.draw(change(this.mask));
      this.finish();
    }

    finish() {
      if (this.mask.commit()) this.changed();
      this.refresh();
    }

    travel(direction) {
      if (!this.mask || this.gesture) return;
      const rect = this.mask[direction]();
      if (!rect) return;
      this.overlay.draw(rect);
      this.refresh();
      this.changed();
    }

    boxByNumbers(erase) {
      const [left, top, width, height] = this.boxFields.map((input) => Number(input.value) || 0);
      this.step((mask) => mask.box(left, top, left + width, top + height, erase));
    }

    // ---- pointers: one paints, two zoom and move; Space or the middle button moves

    listen() {
      const { canvas } = this.overlay;
      const { frame } = this.view;
      frame.addEventListener("pointerdown", (event) => this.down(event));
      frame.addEventListener("pointermove", (event) => this.moved(event));
      for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, (event) => this.up(event));
      frame.addEventListener("pointerleave", () => this.leave());
      frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      frame.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
      frame.addEventListener("auxclick", (event) => event.preventDefault());
      canvas.addEventListener("focus", () => this.placeRing());
      canvas.addEventListener("blur", () => this.leave());
      window.addEventListener("keyup", (event) => event.code === "Space" && this.holdSpace(false));
      window.addEventListener("blur", () => this.holdSpace(false));
    }

    down(event) {
      if (!this.mask) return;
      if (event.button > 1 && event.button !== 5) return;
      event.preventDefault();
      this.overlay.canvas.focus({ preventScroll: true });
      this.view.frame.classList.add("sf-well-held"); // no focus frame while a pointer does the work
      if (event.pointerType === "touch" && this.gesture?.pen) return; // the palm beside a pen
      this.view.frame.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      if (this.pointers.size === 2) return this.pinch();
      if (this.pointers.size > 2 || this.gesture) return;
      this.gesture = event.button === 1 || this.space ? this.panning() : this.painting(event);
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
      if (!this.mask) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      this.view.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / 500), event.clientX, event.clientY);
    }

    panning() {
      this.view.frame.classList.add("sf-well-moving");
      return {
        move: (event, before) => this.view.move(event.clientX - before.clientX, event.clientY - before.clientY),
        end: () => this.view.frame.classList.remove("sf-well-moving"),
      };
    }

    /** A second finger: what the first began is taken back when it had only just begun. */
    pinch() {
      const begun = this.gesture;
      if (begun && performance.now() - begun.since < SECOND_FINGER_MS) begun.cancel?.();
      else begun?.end();
      this.guide.show([]);
      const pair = () => {
        const [a, b] = [...this.pointers.values()];
        if (!b) return null;
        const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1;
        return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, apart };
      };
      let before = pair();
      const move = () => {
        const now = pair();
        if (!now) return;
        this.view.zoom(now.apart / before.apart, before.x, before.y, now.x - before.x, now.y - before.y);
        before = now;
      };
      this.gesture = { pinch: true, move, end: () => {} };
    }

    painting(event) {
      const erase = this.tool === "eraser" || event.altKey || event.button === 5;
      const make = { box: this.boxing, lasso: this.lassoing }[this.tool] ?? this.stroking;
      this.mask.begin();
      const cancel = () => {
        this.overlay.draw(this.mask.rollback());
        this.last = null;
      };
      return { since: performance.now(), pen: event.pointerType === "pen", cancel, ...make.call(this, event, erase) };
    }

    point(event) {
      const pressure = event.pointerType === "pen" ? 0.2 + 0.8 * event.pressure : 1;
      return { ...this.view.toPicture(event.clientX, event.clientY), r: (this.size / 2) * pressure };
    }

    stroking(event, erase) {
      const brush = { soft: this.soft, erase };
      let at = this.point(event);
      this.overlay.draw(this.mask.segment(event.shiftKey && this.last ? this.last : at, at, brush));
      const move = (next) => {
        const coalesced = next.getCoalescedEvents?.() ?? [];
        let dirty = null;
        for (const one of coalesced.length ? coalesced : [next]) {
          const to = this.point(one);
          dirty = union(dirty, this.mask.segment(at, to, brush));
          at = to;
        }
        this.overlay.draw(dirty);
      };
      const end = () => {
        this.last = at;
        this.finish();
      };
      return { move, end };
    }

    boxing(event, erase) {
      const from = this.view.toPicture(event.clientX, event.clientY);
      let to = from;
      const corners = () => [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
      const move = (next) => {
        to = this.view.toPicture(next.clientX, next.clientY);
        this.guide.show(corners().map((corner) => this.view.toFrame(corner)));
      };
      const end = () => {
        const [left, right] = [from.x, to.x].sort((a, b) => a - b);
        const [top, bottom] = [from.y, to.y].sort((a, b) => a - b);
        const rect = this.mask.box(left, top, right, bottom, erase);
        this.overlay.draw(rect);
        if (rect.width && rect.height) [rect.x, rect.y, rect.width, rect.height].forEach((value, at) => (this.boxFields[at].value = value));
        this.finish();
      };
      return { move, end };
    }

    lassoing(event, erase) {
      const points = [this.view.toPicture(event.clientX, event.clientY)];
      const move = (next) => {
        const coalesced = next.getCoalescedEvents?.() ?? [];
        for (const one of coalesced.length ? coalesced : [next]) points.push(this.view.toPicture(one.clientX, one.clientY));
        this.guide.show(points.map((point) => this.view.toFrame(point)));
      };
      const end = () => {
        this.overlay.draw(this.mask.lasso(points, erase));
        this.finish();
      };
      return { move, end };
    }

    placeRing() {
      const round = this.tool === "brush" || this.tool === "eraser";
      const show = Boolean(this.mask && this.hover && round && !this.space);
      this.ring.hidden = !show;
      if (!show) return;
      const { x, y } = this.view.toFrame(this.hover);
      const width = Math.max(3, this.size * this.view.scale);
      this.ring.style.width = this.ring.style.height = `${width}px`;
      this.ring.style.transform = `translate(${x - width / 2}px, ${y - width / 2}px)`;
    }

    // ---- keys; true when the key was ours

    holdSpace(held) {
      this.space = held;
      this.view.frame.classList.toggle("sf-well-hand", held);
      this.placeRing();
    }

    key(event) {
      if (!this.mask) return false;
      this.view.frame.classList.remove("sf-well-held");
      const letter = event.key.toLowerCase();
      if (event.ctrlKey || event.metaKey) {
        if (letter !== "z" && letter !== "y") return false;
        this.travel(letter === "y" || event.shiftKey ? "redo" : "undo");
        return true;
      }
      if (event.altKey) return false;
      const onCanvas = document.activeElement === this.overlay.canvas;
      if (onCanvas && this.walk(event)) return true;
      const tool = TOOLS.find(([, , key]) => key.toLowerCase() === letter);
      if (tool) this.choose(tool[0]);
      else if (letter === "[") this.resize(this.size - Math.max(1, Math.round(this.size / 8)));
      else if (letter === "]") this.resize(this.size + Math.max(1, Math.round(this.size / 8)));
      else if (letter === "i") this.step((mask) => mask.invert());
      else if (letter === "h") this.toggleMask();
      else if (letter === "escape" && this.gesture) this.interrupt();
      else if (letter === "0") this.view.fit();
      else if (letter === "+" || letter === "=") this.view.zoom(1.25);
      else if (letter === "-") this.view.zoom(1 / 1.25);
      else if (letter === " " && !document.activeElement.closest("button, input")) this.holdSpace(true);
      else return false;
      return true;
    }

    /** Painting by keys: arrows move the brush, Enter paints a dab. */
    walk(event) {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const dab = event.key === "Enter" && (this.tool === "brush" || this.tool === "eraser");
      if (!way && !dab) return false;
      const at = this.hover ?? { x: this.mask.width / 2, y: this.mask.height / 2 };
      if (dab) {
        const centre = { ...at, r: this.size / 2 };
        this.step((mask) => mask.segment(centre, centre, { soft: this.soft, erase: this.tool === "eraser" }));
        this.hover = at;
      } else {
        const stride = event.shiftKey ? 1 : Math.max(1, this.size / 4);
        const clamp = (value, top) => Math.min(top, Math.max(0, value));
        this.hover = { x: clamp(at.x + way[0] * stride, this.mask.width), y: clamp(at.y + way[1] * stride, this.mask.height) };
      }
      this.placeRing();
      return true;
    }
  }

  snowfox.Painter = Painter;
})();
