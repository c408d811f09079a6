// The form: reading and setting gradio's fields, token counters, sizes, seed, paste, keys.
(() => {
  "use strict";
  const sf = window.snowfox;
  const tabs = ["txt2img", "img2img", "inpaint", "extras"];

  const openTab = () => tabs.find((tab) => document.getElementById(`${tab}_generate`)?.offsetParent) || null;
  const field = (id) => document.querySelector(`#${id} textarea, #${id} input[type="number"]`);
  const formOf = (element) => element.closest("[id^='tab_']")?.id.slice(4) || openTab() || "txt2img";

  function set(element, value) {
    if (!element) return;
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Calls `run` whenever the field's value changes, also when the page's own code sets it.
  function watch(element, run) {
    const { get, set: put } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), "value");
    Object.defineProperty(element, "value", {
      configurable: true,
      get() {
        return get.call(this);
      },
      set(value) {
        put.call(this, value);
        queueMicrotask(run);
      },
    });
    element.addEventListener("input", run);
    run();
  }

  function openTabNamed(id) {
    const tab = document.getElementById(`tab_${id}-button`);
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
  }

  // ----- token counters; prompts survive a reload -----
  sf.place("tokens", (counter) => {
    sf.whenThere(`#${counter.dataset.for} textarea`, (box) => {
      const key = `snowfox:${counter.dataset.for}`;
      let timer = 0;
      const kept = localStorage.getItem(key);
      if (kept && !box.value) set(box, kept);
      watch(box, () => {
        localStorage.setItem(key, box.value);
        clearTimeout(timer);
        timer = setTimeout(() => count(counter, box.value), 250);
      });
    });
  });

  async function count(counter, text) {
    const answer = text ? await sf.ask(`tokens?text=${encodeURIComponent(text)}`).catch(() => null) : { count: 0, limit: 75 };
    if (!answer) return;
    counter.textContent = `${answer.count} / ${answer.limit}`;
    counter.classList.toggle("sf-over-limit", answer.limit > 75);
  }

  // ----- size -----
  function proposed() {
    const { catalogue } = sf.state;
    const name = document.querySelector("#setting_sd_model_checkpoint input")?.value;
    const entry = catalogue?.checkpoints.find((item) => item.name === name);
    const family = catalogue?.families.find((item) => item.name === entry?.family);
    return { width: 512, height: 512, ...family?.defaults, ...entry?.defaults };
  }

  function sizeFor(ratio) {
    const [wide, tall] = ratio.split(":").map(Number);
    const { width, height } = proposed();
    const step = width * height < 256 * 256 ? 8 : 64;
    const side = (part) => Math.max(64, Math.round((Math.sqrt(width * height * part) / step)) * step);
    return wide === tall ? [side(1), side(1)] : [side(wide / tall), side(tall / wide)];
  }

  sf.place("sizes", (row) => {
    const form = formOf(row);
    const mark = () => {
      const width = Number(field(`${form}_width`)?.value);
      const height = Number(field(`${form}_height`)?.value);
      for (const chip of row.children) {
        const [wide, tall] = sizeFor(chip.dataset.ratio);
        chip.setAttribute("aria-pressed", String(width === wide && height === tall));
        chip.title = `${wide} × ${tall}`;
      }
    };
    for (const side of ["width", "height"]) sf.whenThere(`#${form}_${side} input`, (input) => watch(input, mark));
    return mark;
  });

  // The size follows the picture to start from: its shape, and no more area than the model likes.
  document.addEventListener("snowfox:well", ({ detail: { target, ref, width, height, exact, given } }) => {
    if (!ref || !width || !height || given) return;
    const likes = proposed();
    const scale = exact ? 1 : Math.min(1, Math.sqrt((likes.width * likes.height) / (width * height)));
    const side = (pixels) => Math.min(2048, Math.max(64, Math.round((pixels * scale) / 8) * 8));
    sf.whenThere(`#${target}_height input`, () => {
      set(field(`${target}_width`), side(width));
      set(field(`${target}_height`), side(height));
    });
  });

  function swap(form) {
    const [width, height] = [field(`${form}_width`), field(`${form}_height`)];
    const [wide, tall] = [width.value, height.value];
    set(width, tall);
    set(height, wide);
  }

  // ----- settings from elsewhere -----
  let wishes = 0;

  function fill(form, recipe) {
    openTabNamed(form);
    const guide = recipe.controls?.[0]?.image;
    if (guide) document.dispatchEvent(new CustomEvent("snowfox:picture", { detail: { target: `${form}_controlnet`, ref: guide } }));
    sf.whenThere("#sf_bridge textarea, #sf_bridge input", (bridge) => {
      set(bridge, JSON.stringify({ form, recipe, wish: (wishes += 1) }));
    });
  }

  // ----- all controls survive a reload -----
  const shelf = "snowfox:forms";
  const before = JSON.parse(localStorage.getItem(shelf) || "{}"); // what the last visit left
  const held = structuredClone(before);
  const touched = new Set();

  function keep(form, names, values) {
    held[form] = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    localStorage.setItem(shelf, JSON.stringify(held));
  }

  // Leaves it for the server, which takes it when the engine is ready. What was touched since stays as it is.
  function restore() {
    const wish = Object.fromEntries(Object.entries(before).filter(([form]) => !touched.has(form)));
    if (Object.keys(wish).length) set(field("sf_kept"), JSON.stringify(wish));
  }

  document.addEventListener("input", (event) => event.isTrusted && touched.add(formOf(event.target)), true);

  // Drops what was pasted and has no control.
  function forget(form) {
    set(field("sf_bridge"), JSON.stringify({ form, wish: (wishes += 1) }));
  }

  async function readSettings(form, body, headers) {
    try {
      const answer = await sf.ask("parameters", { method: "POST", body, headers });
      fill(form, { ...answer.recipe, source: null });
      sf.toast("Settings filled in.", { name: "check" });
    } catch (error) {
      sf.toast(error.message, { name: "warn" });
    }
  }

  const readPicture = (form, file) => readSettings(form, file, { "content-type": file.type || "application/octet-stream" });
  const readText = (form, text) => readSettings(form, JSON.stringify({ text }), { "content-type": "application/json" });

  async function paste(form) {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith("image/"));
        if (type) return readPicture(form, await item.getType(type));
      }
      const text = await navigator.clipboard.readText();
      if (text.trim()) return readText(form, text);
    } catch {
      const box = field(`${form}_prompt`);
      if (/\bSteps: \d/.test(box.value)) return readText(form, box.value);
    }
    sf.toast("Copy a picture or its settings first, or drop a picture on the prompt.");
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const box = sf.h("textarea", { class: "sf-sr" });
      box.value = text;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    sf.toast("Copied.", { name: "check" });
  }

  // ----- send to -----
  async function send(target, id) {
    try {
      const { ref } = await sf.post(`images/${encodeURIComponent(id)}/use`);
      openTabNamed(target);
      sf.whenThere(`#${target}_generate`, () => {
        setTimeout(() => document.dispatchEvent(new CustomEvent("snowfox:picture", { detail: { target, ref } })), 0);
      });
    } catch (error) {
      sf.toast(error.message, { name: "warn" });
    }
  }

  // ----- Generate -----
  let flushed = false;

  document.addEventListener(
    "click",
    async (event) => {
      const generate = event.target.closest?.("#inpaint_generate, #img2img_generate");
      if (!generate || flushed || !sf.canvas?.flush) return;
      event.stopImmediatePropagation();
      event.preventDefault();
      try {
        await sf.canvas.flush(formOf(generate));
      } catch (error) {
        sf.toast(error.message, { name: "warn" }); // without its mask the run would change something else
        return;
      }
      flushed = true;
      setTimeout(() => {
        generate.click();
        flushed = false;
      }, 30);
    },
    true,
  );

  function generate() {
    const button = document.getElementById(`${openTab()}_generate`);
    if (!button || button.disabled) return;
    const focused = document.activeElement;
    focused?.blur?.();
    setTimeout(() => {
      button.click();
      focused?.focus?.({ preventScroll: true });
    }, 30);
  }

  // The server's answer to Generate: a job's id, or a sentence that stands beside the form.
  sf.place("answer", (answer) => {
    if (answer.dataset.job) sf.mine(answer.dataset.job);
    const wrong = answer.dataset.field && field(answer.dataset.field);
    if (wrong) {
      wrong.setAttribute("aria-invalid", "true");
      wrong.addEventListener("input", () => wrong.removeAttribute("aria-invalid"), { once: true });
    }
    if (formOf(answer) === "inpaint" && answer.dataset.job) sf.showResult(true);
  });

  // ----- keys -----
  function isBusyWithKeys(event) {
    return document.querySelector("dialog[open], [data-do='queue'][aria-expanded='true']") || event.target.closest?.("[role='combobox']");
  }

  function weigh(box, step) {
    let [from, to] = [box.selectionStart, box.selectionEnd];
    const text = box.value;
    if (from === to) {
      while (from > 0 && /[^\s,()]/.test(text[from - 1])) from -= 1;
      while (to < text.length && /[^\s,()]/.test(text[to])) to += 1;
    }
    if (from === to) return;
    const around = /^\(([^()]*):([\d.]+)\)$/;
    const inside = text.slice(from, to);
    const tail = /^:([\d.]+)\)/.exec(text.slice(to));
    const bare = around.exec(inside);
    let [words, weight] = bare ? [bare[1], Number(bare[2])] : [inside, 1];
    if (!bare && text[from - 1] === "(" && tail) {
      weight = Number(tail[1]);
      from -= 1;
      to += tail[0].length;
    }
    weight = Math.round((weight + step) * 100) / 100;
    const result = weight === 1 ? words : `(${words}:${weight})`;
    set(box, text.slice(0, from) + result + text.slice(to));
    const start = from + (weight === 1 ? 0 : 1);
    box.setSelectionRange(start, start + words.length);
  }

  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") {
      event.preventDefault();
      generate();
    } else if (event.key === "Escape" && !isBusyWithKeys(event)) {
      if (openTab()) sf.stop();
    } else if (command && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      const box = event.target.closest?.("[id$='_prompt'] textarea");
      if (!box) return;
      event.preventDefault();
      weigh(box, event.key === "ArrowUp" ? 0.1 : -0.1);
    }
  });

  // ----- a picture dropped on a prompt -----
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const box = event.target.closest?.(".sf-prompts");
      if (!box || ![...(event.dataTransfer?.types || [])].includes("Files")) return;
      event.preventDefault();
      box.classList.toggle("sf-drop", kind === "dragover");
      const file = kind === "drop" ? event.dataTransfer.files[0] : null;
      if (file) readPicture(formOf(box), file);
    });
  }

  Object.assign(sf, { field, formOf, set, fill, forget, keep, restore, copy, send, swap, paste, readText, sizeFor, openTab, openTabNamed });
})();
