// Top bar (engine, queue, theme) and the Models tab.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon, state } = sf;

  const phases = {
    starting: ["Engine starting", "sf-wait"],
    restarting: ["Engine restarting", "sf-wait"],
    failed: ["Engine failed", "sf-bad"],
    closed: ["Engine closed", "sf-bad"],
  };

  function engineWords() {
    if (!state.connected) return ["Reconnecting", "sf-wait"];
    return phases[state.engine.phase] ?? [state.engine.device || "Ready", ""];
  }

  function queueRows() {
    const jobs = [...state.jobs.values()].filter(sf.isLive).sort((a, b) => a.created - b.created);
    return jobs.map((job) => {
      const place = job.state === "queued" ? `Place ${job.place ?? 1}` : `Now, ${Math.round(job.progress.fraction * 100)} %`;
      const word = `${place}, ${sf.plural(job.progress.pictures)}`;
      const name = job.state === "queued" ? "Cancel" : "Stop";
      const end = sf.button(name, () => sf.post(`jobs/${job.id}/cancel`), { kind: "sf-sm" });
      end.disabled = job.stopping;
      return h("li", {}, h("div", {}, h("b", {}, job.recipe.prompt || "No prompt"), h("small", {}, word)), end);
    });
  }

  sf.place("status", (root) => {
    const [engine, opener, theme, pop] = root.children;
    sf.theme.install(root.dataset.theme);
    state.previews = root.dataset.previews !== "off";
    const isOpen = () => opener.getAttribute("aria-expanded") === "true";
    const toggle = (open) => {
      opener.setAttribute("aria-expanded", String(open));
      pop.hidden = !open;
      sf.render();
    };
    opener.addEventListener("click", () => toggle(!isOpen()));
    document.addEventListener("pointerdown", (event) => isOpen() && !root.contains(event.target) && toggle(false));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !isOpen()) return;
      toggle(false);
      opener.focus();
    });
    let told = "";
    return () => {
      const [word, kind] = engineWords();
      if (told !== word + kind) {
        told = word + kind;
        engine.replaceChildren(h("span", { class: `sf-dot ${kind}` }), h("span", { class: "sf-engine-word" }, word));
        engine.title = state.engine.message || word;
      }
      const live = [...state.jobs.values()].filter(sf.isLive).length;
      const count = opener.lastElementChild;
      count.textContent = String(live);
      count.className = live ? "sf-pill" : "";
      opener.setAttribute("aria-label", `Queue, ${live === 1 ? "1 run" : `${live} runs`}`);
      theme.firstElementChild.className = `sf-i sf-i-${sf.theme.isDark() ? "sun" : "moon"}`;
      const picker = document.querySelector("#setting_sd_model_checkpoint input");
      if (picker) picker.placeholder = sf.isEmpty() ? "None yet" : "";
      if (!isOpen()) return;
      const rows = queueRows();
      pop.replaceChildren(h("b", {}, "Queue"), rows.length ? h("ul", {}, ...rows) : h("p", { class: "sf-faint" }, "Nothing is waiting."));
    };
  });

  document.addEventListener("snowfox:theme", () => sf.render());
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("#setting_theme")) sf.theme.choose(event.target.value);
    if (event.target.closest?.("#setting_previews")) state.previews = event.target.checked;
  });

  // ----- models -----
  function size(bytes) {
    if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
    return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  }

  function row(entry) {
    const family = state.catalogue.families.find((item) => item.name === entry.family);
    const word = entry.problem ? h("p", { class: "sf-problem" }, icon("warn"), h("span", {}, entry.problem)) : null;
    return h("tr", {},
      h("th", { scope: "row" }, h("b", {}, entry.name), h("small", {}, entry.path), word),
      h("td", { "data-name": "Family" }, family?.title || (entry.problem ? "Not known" : entry.family)),
      h("td", { "data-name": "Size" }, size(entry.bytes)),
      h("td", { "data-name": "Hash" }, entry.sha256 ? h("code", {}, entry.sha256.slice(0, 10)) : h("span", { class: "sf-faint" }, "none")));
  }

  function emptyCard(title, text) {
    return h("section", { class: "sf-card sf-empty" }, icon("folder"), h("h2", {}, title), h("p", {}, text));
  }

  sf.place("models", (root) => {
    let drawn = "";
    return () => {
      const key = JSON.stringify([state.catalogue?.checkpoints, state.engine.phase]);
      if (key === drawn) return;
      drawn = key;
      if (!state.catalogue) root.replaceChildren(emptyCard("The engine is starting", "The models are listed as soon as it is ready."));
      else if (!state.catalogue.checkpoints.length) root.replaceChildren(emptyCard("No models yet", "Put a .safetensors file, or a diffusers folder, in the folder named above. Then press Rescan."));
      else {
        const heads = ["Model", "Family", "Size", "Hash"].map((name) => h("th", { scope: "col" }, name));
        root.replaceChildren(h("table", { class: "sf-card sf-table" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...state.catalogue.checkpoints.map(row))));
      }
    };
  });

  sf.place("device", (cell) => () => {
    const device = state.catalogue?.device;
    cell.textContent = device ? `${device.title} (${device.kind}, ${device.dtype})` : engineWords()[0];
  });
})();
