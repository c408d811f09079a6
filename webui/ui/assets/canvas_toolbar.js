// The painter's controls: tools, size and softness, history, the panels below them, and the view's buttons.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, button, knob, act, panel } = snowfox.wellParts;
  const { box } = snowfox.shapes;
  const TOOLS = [
    ["brush", "Brush", "B"],
    ["eraser", "Eraser", "E"],
    ["box", "Box", "R"],
    ["lasso", "Lasso", "L"],
    ["fill", "Fill an outline", "F"],
    ["pick", "Pick a colour", "P"],
  ];
  const EDGES = [
    ["grow", "Grow", "Makes the mask larger on all sides."],
    ["shrink", "Shrink", "Makes the mask smaller on all sides."],
    ["feather", "Feather", "Makes the mask's edge fade."],
  ];
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

  const group = (...nodes) => el("div", { class: "sf-well-group" }, ...nodes.filter(Boolean));

  class Toolbar {
    constructor(painter) {
      this.painter = painter;
      this.panels = new Map();
      this.node = this.build();
      this.boxPanel = this.buildBoxPanel();
      this.below = [this.boxPanel];
      if (painter.masked) this.below.push(this.panel("edge", this.buildEdgePanel()), this.panel("extend", painter.extend.panel));
      this.plate = this.buildPlate();
    }

    // ---- the row of tools

    build() {
      const { painter } = this;
      const tool = ([name, label, key]) => [name, button(name, label, { key, pressed: "false", onclick: () => painter.choose(name) })];
      this.tools = new Map(TOOLS.map(tool));
      const knobs = el("div", { class: "sf-well-group sf-well-knobs" }, ...this.buildKnobs());
      this.undo = button("undo", "Undo", { key: "Ctrl+Z", onclick: () => painter.travel("undo") });
      this.redo = button("redo", "Redo", { key: "Ctrl+Shift+Z", onclick: () => painter.travel("redo") });
      const label = painter.masked ? "Mask tools" : "Sketch tools";
      return el("div", { class: "sf-well-tools", role: "toolbar", "aria-label": label },
        this.buildModes(), group(...this.tools.values()), this.buildInk(), knobs, group(this.undo, this.redo), this.buildWhole());
    }

    buildModes() {
      const { painter } = this;
      const mode = (name, text, title) =>
        el("button", { type: "button", class: "sf-well-mode", title, "aria-pressed": "false", onclick: () => painter.paint(name) }, text);
      this.modes = new Map([
        ["mask", mode("mask", "Mask", "Paint what should change (M)")],
        ["sketch", mode("sketch", "Colour", "Paint with colours; what is coloured changes too (C)")],
      ]);
      const attributes = { class: "sf-well-modes", role: "group", "aria-label": "What to paint", hidden: !painter.masked };
      return el("div", attributes, ...this.modes.values());
    }

    buildInk() {
      const { painter } = this;
      const title = "Colour of the brush";
      this.ink = el("input", { type: "color", value: painter.ink.colour, title, "aria-label": title });
      this.ink.addEventListener("input", () => painter.dye(this.ink.value));
      this.opacity = knob("Opacity", "How much of the picture the colour covers.", {
        min: 5, max: 100, value: 100, show: (value) => `${value} %`, oninput: (value) => painter.thin(value / 100),
      });
      this.inkGroup = el("div", { class: "sf-well-group sf-well-ink" }, this.ink, this.opacity.node);
      return this.inkGroup;
    }

    buildKnobs() {
      const { painter } = this;
      this.size = knob("Size", "Width of the brush in pixels of the picture. Keys [ and ].", {
        min: 1, max: 200, value: painter.size, oninput: (size) => painter.resize(size),
      });
      const soft = knob("Soft", "How far the brush fades towards its edge.", {
        min: 0, max: 100, value: 0, show: (value) => `${value} %`, oninput: (value) => (painter.soft = value / 100),
      });
      return [this.size.node, soft.node];
    }

    buildWhole() {
      const { painter } = this;
      this.maskActs = [
        button("invert", "Invert the mask", { key: "I", onclick: () => painter.step((mask) => mask.invert()) }),
        button("all", "Paint everything", { onclick: () => painter.step((mask) => mask.fill(255)) }),
        this.opener("edge", "Grow, shrink, feather"),
      ];
      this.clear = button("clear", painter.masked ? "Clear the mask" : "Clear the sketch", { onclick: () => painter.clear() });
      const extend = painter.extend ? this.opener("extend", "Extend the picture", "O") : null;
      return group(...(painter.masked ? this.maskActs : []), this.clear, extend);
    }

    // ---- panels

    opener(name, label, key = "") {
      const node = button(name, label, { key, onclick: () => this.toggle(name) });
      node.setAttribute("aria-expanded", "false");
      this.panels.set(name, { opener: node });
      return node;
    }

    panel(name, node) {
      this.panels.get(name).panel = node;
      return node;
    }

    toggle(name) {
      const { opener, panel: shown } = this.panels.get(name);
      if (opener.disabled) return;
      shown.hidden = !shown.hidden;
      opener.setAttribute("aria-expanded", String(!shown.hidden));
      if (name === "extend") this.painter.extend.show(!shown.hidden);
    }

    buildEdgePanel() {
      const { painter } = this;
      const pixels = el("input", { type: "number", min: 1, max: 256, step: 1, value: 8, "aria-label": "Pixels" });
      const by = () => Math.min(256, Math.max(1, Math.round(Number(pixels.value)) || 8));
      const acts = EDGES.map(([kind, label, title]) =>
        act(label, () => painter.step((mask) => mask.edge(kind, by())), `${label} the mask`, title));
      return panel("The mask's edge", el("label", { title: "In pixels of the picture" }, "Pixels", pixels), ...acts);
    }

    buildBoxPanel() {
      const names = ["Left", "Top", "Width", "Height"];
      const field = (name) => el("input", { type: "number", min: 0, step: 1, value: 0, "aria-label": `${name} of the box` });
      this.boxFields = names.map(field);
      const labelled = names.map((name, at) => el("label", { title: "In pixels of the picture" }, name, this.boxFields[at]));
      const draw = (erase) => () => {
        const [left, top, width, height] = this.boxFields.map((input) => Number(input.value) || 0);
        this.painter.step((layer) => box(layer, left, top, left + width, top + height, erase));
      };
      return panel("Box by numbers", ...labelled, act("Paint", draw(false), "Paint the box"), act("Erase", draw(true), "Erase the box"));
    }

    showBox({ x, y, width, height }) {
      [x, y, width, height].forEach((value, at) => (this.boxFields[at].value = value));
    }

    // ---- the view's buttons

    buildPlate() {
      const { painter } = this;
      const zoom = (factor) => () => painter.view.zoom(factor);
      const what = painter.masked ? "Show the mask" : "Show the sketch";
      this.eye = button("eye", what, { key: "H", pressed: "true", onclick: () => painter.toggleSeen() });
      const look = painter.masked ? [this.buildLook()] : [];
      return el("div", { class: "sf-well-plate sf-well-zoom", role: "group", "aria-label": "View" }, this.eye, ...look,
        button("minus", "Zoom out", { key: "-", onclick: zoom(1 / 1.25) }),
        button("fit", "Fit to view", { key: "0", onclick: () => painter.view.fit() }),
        button("plus", "Zoom in", { key: "+", onclick: zoom(1.25) }));
    }

    buildLook() {
      const { overlay } = this.painter;
      const look = readLook();
      const apply = () => {
        overlay.colour(look.colour);
        overlay.canvas.style.opacity = look.strength / 100;
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
      return opener;
    }

    // ---- what is shown

    mark({ tool, mode }) {
      for (const [name, node] of this.tools) node.setAttribute("aria-pressed", String(name === tool));
      for (const [name, node] of this.modes) node.setAttribute("aria-pressed", String(name === mode));
      this.boxPanel.hidden = tool !== "box";
      this.inkGroup.hidden = this.tools.get("pick").hidden = mode !== "sketch";
      for (const node of this.maskActs) node.disabled = !this.painter.opened || mode !== "mask";
      const edge = this.panels.get("edge");
      if (edge?.panel && mode !== "mask") edge.panel.hidden = true;
      edge?.opener.setAttribute("aria-expanded", String(Boolean(edge.panel && !edge.panel.hidden)));
      this.clear.title = mode === "mask" ? "Clear the mask" : "Clear the sketch";
      this.clear.setAttribute("aria-label", this.clear.title);
    }

    /** The controls of a well without a picture are switched off. */
    enable(has) {
      for (const control of this.node.querySelectorAll("button, input")) control.disabled = !has;
      for (const node of this.below) node.classList.toggle("sf-well-absent", !has);
      this.plate.hidden = !has;
    }
  }

  snowfox.Toolbar = Toolbar;
  snowfox.toolKeys = new Map(TOOLS.map(([tool, , key]) => [key.toLowerCase(), tool]));
})();
