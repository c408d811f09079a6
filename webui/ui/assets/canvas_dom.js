// Small helpers that build the picture well: elements, buttons and our own icons. No markup from strings.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const SVG = "http://www.w3.org/2000/svg";

  // 24 px grid, drawn with a stroke of 1.75; a path that begins with "#" is filled instead.
  const ICONS = {
    brush: ["M20 4c-4 1.300-8 5-10 8.400l1.700 1.700C15 12 18.700 8 20 4z", "M9 13.600c-2.600 0-2.400 3-4.800 5.300 3.500.6 6.900-.3 7.100-3.100"],
    eraser: ["M8.600 19 4.500 14.900a1.500 1.500 0 0 1 0-2.100l8.300-8.300a1.500 1.500 0 0 1 2.100 0l4.600 4.600a1.500 1.500 0 0 1 0 2.100L11.700 19z", "M9 8.400l6.600 6.600", "M8.600 19H20"],
    box: ["M4 8.500V6.500A1.500 1.500 0 0 1 5.500 5h2", "M10.800 5h2.400", "M16.500 5h2A1.500 1.500 0 0 1 20 6.500v2", "M20 11v2", "M20 15.500v2a1.500 1.500 0 0 1-1.500 1.500h-2", "M13.200 19h-2.400", "M7.500 19h-2A1.500 1.500 0 0 1 4 17.500v-2", "M4 13v-2"],
    lasso: ["M8.300 14.400C5.700 13.600 4 12 4 10c0-2.900 3.500-5 8-5s8 2.100 8 5-3.500 5-8 5c-.6 0-1.100 0-1.700-.1", "M8.600 15.200a1.900 1.900 0 1 0-2.400 1.600c.3 1.300-.2 2.500-1.500 3.200"],
    undo: ["M8 5 4 9l4 4", "M4 9h9.500a5.500 5.500 0 0 1 0 11H9"],
    redo: ["M16 5l4 4-4 4", "M20 9h-9.500a5.500 5.500 0 0 0 0 11H15"],
    invert: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "#M12 4a8 8 0 0 1 0 16z"],
    fill: ["M10.500 4.500 4.200 10.800a1.500 1.500 0 0 0 0 2.100l5 5a1.500 1.500 0 0 0 2.100 0l6.300-6.300z", "M8.500 2.500l2 2", "M4 12h13.200", "#M20 14.500c1 1.500 1.600 2.500 1.600 3.300a1.600 1.600 0 0 1-3.200 0c0-.8.6-1.800 1.600-3.300z"],
    clear: ["M5 7h14", "M9.500 7V4.800h5V7", "M7 7l.8 12.200h8.400L17 7", "M10.500 10.500v5", "M13.500 10.500v5"],
    upload: ["M12 15.500V4", "M7.800 8.200 12 4l4.200 4.200", "M4 15v3.500A1.500 1.500 0 0 0 5.500 20h13a1.500 1.500 0 0 0 1.500-1.500V15"],
    open: ["M3.500 17.500V6.500A1.500 1.500 0 0 1 5 5h4.200l2 2.500H19A1.500 1.500 0 0 1 20.500 9v8.500A1.500 1.500 0 0 1 19 19H5a1.500 1.500 0 0 1-1.500-1.500z"],
    picture: ["M4 7a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z", "M4.500 16.500 9 12l3.500 3.500L15 13l4.500 4.500", "M15.500 9h.01"],
    close: ["M6 6l12 12", "M18 6 6 18"],
    eye: ["M2.500 12C4.800 7.800 8.100 5.700 12 5.700s7.200 2.100 9.500 6.300c-2.300 4.200-5.600 6.300-9.500 6.300S4.800 16.200 2.500 12z", "M12 9.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600z"],
    look: ["M12 3.500c3.600 4 5.500 6.900 5.500 9.700a5.500 5.500 0 0 1-11 0c0-2.800 1.900-5.700 5.500-9.700z", "M9.300 13.800a2.800 2.800 0 0 0 2.200 2.300"],
    edge: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z"],
    all: ["M5.500 4h13A1.500 1.500 0 0 1 20 5.500v13a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 18.500v-13A1.500 1.500 0 0 1 5.500 4z", "#M8 8h8v8H8z"],
    pick: ["M13.500 7.500l3 3", "M15 6l1.300-1.300a2.100 2.100 0 0 1 3 3L18 9", "M16.500 10.500 8.800 18.200 4.500 19.500l1.300-4.300 7.700-7.700"],
    extend: ["M8 8h8v8H8z", "M12 5V2.500M10.500 3.800 12 2.500l1.500 1.300", "M12 19v2.500M10.500 20.200 12 21.500l1.500-1.300", "M5 12H2.500M3.800 10.500 2.500 12l1.300 1.500", "M19 12h2.500M20.200 10.500l1.300 1.500-1.300 1.500"],
    minus: ["M5 12h14"],
    plus: ["M5 12h14", "M12 5v14"],
    fit: ["M4 9V5.500A1.500 1.500 0 0 1 5.500 4H9", "M15 4h3.500A1.500 1.500 0 0 1 20 5.500V9", "M20 15v3.500a1.500 1.500 0 0 1-1.500 1.500H15", "M9 20H5.500A1.500 1.500 0 0 1 4 18.500V15"],
  };

  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
      else node.setAttribute(name, value === true ? "" : String(value));
    }
    return node;
  }

  const el = (tag, attributes = {}, ...children) => {
    const node = set(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };

  const svg = (tag, attributes = {}, ...children) => {
    const node = set(document.createElementNS(SVG, tag), attributes);
    node.append(...children);
    return node;
  };

  function icon(name) {
    const shapes = ICONS[name].map((d) => (d[0] === "#" ? svg("path", { d: d.slice(1), class: "solid" }) : svg("path", { d })));
    return svg("svg", { viewBox: "0 0 24 24", class: "sf-well-icon", "aria-hidden": "true" }, ...shapes);
  }

  /** A button with an icon; its tooltip names the key or gives a hint. `text` shows the label beside the icon. */
  function button(name, label, { key = "", hint = "", text = false, pressed, onclick, kind = "sf-well-tool" } = {}) {
    const title = hint || (key ? `${label} (${key})` : label);
    const node = el("button", { type: "button", class: kind, title, "aria-pressed": pressed, onclick }, icon(name));
    if (text) node.append(label);
    else node.setAttribute("aria-label", title);
    return node;
  }

  /** A labelled slider with its value beside it; `show` writes the value, `oninput` gets the number. */
  function knob(label, title, { min, max, value, show = String, oninput }) {
    const output = el("span", { class: "sf-well-value", "aria-hidden": "true" }, show(value));
    const input = el("input", { type: "range", min, max, value, step: 1, "aria-label": label });
    const paint = () => {
      const share = (input.value - input.min) / Math.max(1, input.max - input.min);
      input.style.setProperty("--sf-fill", `${(share * 100).toFixed(1)}%`);
      output.textContent = show(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      paint();
      oninput(Number(input.value));
    });
    paint();
    const node = el("label", { class: "sf-well-knob", title }, el("span", {}, label), input, output);
    const change = (number, limit) => {
      if (limit) input.max = limit;
      input.value = number;
      paint();
    };
    return { node, change };
  }

  /** A button that shows its label; `name` is the whole of what it does, for those who do not see where it stands. */
  const act = (label, onclick, name = label, title = "") =>
    el("button", { type: "button", class: "sf-well-button", "aria-label": name, title: title || name, onclick }, label);

  /** A row of controls below the tools, closed at first. */
  function panel(label, ...nodes) {
    return el("div", { class: "sf-well-box", role: "group", "aria-label": label, hidden: true }, ...nodes);
  }

  /** A hidden input that opens the dialog for a picture file. */
  function picker(take) {
    const input = el("input", { type: "file", accept: "image/*", hidden: true, tabindex: "-1", "aria-hidden": "true" });
    input.addEventListener("change", () => {
      if (input.files.length) take(input.files[0]);
      input.value = "";
    });
    return input;
  }

  // ---- one well

  snowfox.wellParts = { el, svg, set, icon, button, knob, act, panel, picker };
})();
