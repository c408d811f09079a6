// The live client's ground: what is known (jobs, engine, pictures), the event stream, and the places on the page.
(() => {
  "use strict";
  const sf = (window.snowfox ??= {});
  const api = "api/v1/";
  const live = new Set(["queued", "loading", "running"]);

  const state = {
    connected: true,
    engine: { phase: "starting", message: "", device: "" },
    queue: { waiting: 0, running: null },
    jobs: new Map(),
    mine: new Set(JSON.parse(sessionStorage.getItem("snowfox:mine") || "[]")),
    gone: new Set(),
    past: new Set(),
    chosen: null,
    followed: null,
    recent: [],
    recalled: false,
    previews: true,
    catalogue: null,
  };

  // ----- small tools -----
  function h(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (value === false || value === null || value === undefined) continue;
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  const icon = (name) => h("i", { class: `sf-i sf-i-${name}`, "aria-hidden": "true" });

  function button(label, run, { name, kind = "", title = "" } = {}) {
    return h("button", { type: "button", class: `sf-btn ${kind}`, title, onclick: run }, name ? icon(name) : null, label);
  }

  async function ask(path, options = {}) {
    const answer = await fetch(api + path, options);
    const text = await answer.text();
    const body = text && (answer.headers.get("content-type") || "").includes("json") ? JSON.parse(text) : null;
    if (!answer.ok) throw new Error(body?.error?.message || "The program did not answer as expected.");
    return body;
  }

  const post = (path, value) =>
    ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value ?? {}) });

  const seconds = (value) =>
    value < 90 ? `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)} s` : `${Math.round(value / 60)} min`;

  // ----- places: elements with data-sf, whenever gradio puts them on the page -----
  const kinds = new Map();
  const mounted = new Map();
  const always = [];
  let waiting = false;

  function place(kind, mount) {
    kinds.set(kind, mount);
    scan(document);
  }

  function scan(root) {
    const found = root.querySelectorAll("[data-sf]");
    for (const element of root.dataset?.sf ? [root, ...found] : found) {
      const mount = kinds.get(element.dataset.sf);
      if (!mount || mounted.has(element)) continue;
      mounted.set(element, mount(element) || (() => {}));
      mounted.get(element)();
    }
  }

  function render() {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      for (const [element, draw] of mounted) {
        if (element.isConnected) draw();
        else mounted.delete(element);
      }
      for (const run of always) run();
    });
  }

  // ----- jobs -----
  const isLive = (job) => live.has(job.state);

  function current() {
    const jobs = [...state.jobs.values()].sort((a, b) => a.created - b.created);
    const running = jobs.find((job) => isLive(job) && job.state !== "queued");
    const own = jobs.find((job) => job.state === "queued" && state.mine.has(job.id));
    if (running && (state.mine.has(running.id) || !own)) return running;
    if (own) return own;
    const waits = jobs.find((job) => job.state === "queued");
    const ended = jobs.filter((job) => !isLive(job) && !state.past.has(job.id)).sort((a, b) => a.ended - b.ended);
    return waits || ended.at(-1) || null;
  }

  // The pictures of a job that are still there. Of a finished one, only once the list on disk is known.
  function pictures(job) {
    if (!job || (!isLive(job) && !state.recalled)) return [];
    const here = job.images.filter((image) => !state.gone.has(image.id));
    return here.map((image) => ({ ...image, prompt: job.recipe.prompt }));
  }

  // What a finished job lists and the disk no longer has was moved to the bin, maybe from another browser.
  function compare(images, complete) {
    const listed = new Set(images.map((image) => image.id));
    const oldest = complete ? 0 : images.at(-1).created;
    for (const job of state.jobs.values()) {
      if (isLive(job) || (job.started ?? job.created) <= oldest) continue;
      for (const { id } of job.images) if (!listed.has(id)) state.gone.add(id);
    }
  }

  function shown() {
    const job = current();
    const own = pictures(job);
    const pool = [...own, ...state.recent];
    const picked = state.chosen && pool.find((image) => image.id === state.chosen);
    if (picked) return picked;
    return job && (!isLive(job) || job.state === "queued") ? own.at(-1) || null : null;
  }

  function follow(job) {
    const before = state.jobs.get(job.id);
    state.jobs.set(job.id, job);
    // Somebody's failure from before this visit is no news.
    if (!before && job.state === "failed" && !state.mine.has(job.id)) state.past.add(job.id);
    if (state.jobs.size > 60) prune();
    const now = current();
    if (now && now.id !== state.followed) {
      state.followed = now.id;
      state.chosen = null;
      recall();
    }
    if (before && before.images.length !== job.images.length) recall();
    render();
  }

  function prune() {
    const ended = [...state.jobs.values()].filter((job) => !isLive(job)).sort((a, b) => a.created - b.created);
    for (const job of ended.slice(0, -10)) state.jobs.delete(job.id);
  }

  function mine(id) {
    state.mine.add(id);
    state.past.delete(id); // a run may have failed before the answer said that it is ours
    sessionStorage.setItem("snowfox:mine", JSON.stringify([...state.mine].slice(-20)));
    state.chosen = null;
    render();
  }

  async function stop() {
    const job = current();
    if (!job || !isLive(job)) return;
    job.stopping = job.state !== "queued";
    render();
    await post(`jobs/${job.id}/cancel`).catch((error) => toast(error.message));
  }

  // ----- pictures on disk -----
  let recalling = 0;

  function recall() {
    clearTimeout(recalling);
    recalling = setTimeout(async () => {
      const answer = await ask("images?limit=30").catch(() => null);
      if (!answer) return;
      for (const image of answer.images) state.gone.delete(image.id);
      state.recent = answer.images;
      state.recalled = true;
      compare(answer.images, !answer.next);
      render();
      document.dispatchEvent(new CustomEvent("snowfox:pictures"));
    }, 60);
  }

  async function discard(id) {
    try {
      await ask(`images/${encodeURIComponent(id)}`, { method: "DELETE" });
    } catch (error) {
      toast(error.message);
      return;
    }
    state.gone.add(id);
    if (state.chosen === id) state.chosen = null;
    recall();
    render();
    toast("1 picture moved to the bin.", { name: "trash", action: "Undo", run: () => restore(id) });
  }

  async function restore(id) {
    await post(`images/${encodeURIComponent(id)}/restore`).catch((error) => toast(error.message));
    state.gone.delete(id);
    recall();
    render();
  }

  const preview = (job) => (job.preview && state.previews ? `${api}jobs/${job.id}/preview?v=${job.preview}` : "");
  const address = (id, part = "") => `${api}images/${encodeURIComponent(id)}${part}`;

  // ----- messages without a place of their own -----
  function toast(text, { name = "info", action, run } = {}) {
    let shelf = document.getElementById("sf_toasts");
    if (!shelf) {
      shelf = h("section", { id: "sf_toasts", "aria-label": "Messages", "aria-live": "polite" });
      document.body.append(shelf);
    }
    const close = () => note.remove();
    const note = h("div", { class: "sf-html sf-card sf-toast" }, icon(name), h("span", {}, text));
    if (action) note.append(h("button", { type: "button", class: "sf-mini-btn", onclick: () => (run(), close()) }, icon("undo"), action));
    note.append(h("button", { type: "button", class: "sf-mini-btn", "aria-label": "Close this message", onclick: close }, icon("x")));
    shelf.replaceChildren(...[...shelf.children].slice(-2), note);
    let timer = setTimeout(close, 8000);
    const hold = () => clearTimeout(timer);
    const release = () => (timer = setTimeout(close, 8000));
    note.addEventListener("mouseenter", hold);
    note.addEventListener("focusin", hold);
    note.addEventListener("mouseleave", release);
    note.addEventListener("focusout", release);
  }

  // ----- events from the server -----
  function listen() {
    const stream = new EventSource(`${api}events`);
    stream.addEventListener("open", () => {
      state.connected = true;
      recall();
      render();
    });
    stream.addEventListener("error", () => {
      state.connected = false;
      render();
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    });
    stream.addEventListener("engine", (event) => heard(JSON.parse(event.data)));
    stream.addEventListener("job", (event) => follow(JSON.parse(event.data)));
  }

  function heard({ engine, queue }) {
    const changed = engine.announced !== state.engine.announced;
    Object.assign(state, { engine, queue });
    if (engine.device && (changed || !state.catalogue)) look(); // a device is named once the catalogue is known
    render();
  }

  async function look() {
    const catalogue = await ask("catalogue").catch(() => null);
    if (!catalogue) return;
    const changed = JSON.stringify(catalogue) !== JSON.stringify(state.catalogue);
    const first = !state.catalogue;
    state.catalogue = catalogue;
    if (!changed) return render();
    whenThere("#sf_ready", (ready) => {
      if (first) sf.restore();
      setTimeout(() => ready.click(), first ? 50 : 0); // what was just left has to be known first
    });
    render();
  }

  function whenThere(selector, run, tries = 100) {
    const element = document.querySelector(selector);
    if (element) run(element);
    else if (tries) setTimeout(() => whenThere(selector, run, tries - 1), 100);
  }

  const usable = () => (state.catalogue ? state.catalogue.checkpoints.filter((entry) => !entry.problem) : []);
  const isEmpty = () => Boolean(state.catalogue) && usable().length === 0;

  function start() {
    new MutationObserver((changes) => {
      for (const change of changes) {
        if (change.type === "attributes") mounted.delete(change.target); // the same place with a new answer
        const places = change.type === "attributes" ? [change.target] : change.addedNodes;
        for (const node of places) if (node.nodeType === 1) scan(node);
      }
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-job", "data-n"] });
    scan(document);
    listen();
    setInterval(() => current() && isLive(current()) && render(), 1000);
  }

  Object.assign(sf, { state, h, icon, button, ask, post, seconds, place, render, current, pictures, shown, isLive, mine, stop });
  Object.assign(sf, { recall, always, discard, address, preview, toast, look, whenThere, usable, isEmpty });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
