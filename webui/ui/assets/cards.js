// Cards beside the result: LoRA, embeddings and checkpoints with previews; a click puts one into the prompt.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon } = sf;
  const kinds = [["lora", "LoRA"], ["embedding", "Embeddings"], ["checkpoint", "Models"]];
  const page = 60;

  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  // The tag of a LoRA wherever it stands, with whatever strengths.
  const tagOf = (name) => new RegExp(`\\s*<(?:lora|lyco):${escaped(name)}(?::[^>]*)?>`, "g");

  function written(card, weight) {
    return card.kind === "lora" ? `<lora:${card.name}:${weight}>` : card.name;
  }

  function has(text, card) {
    if (card.kind === "lora") return tagOf(card.name).test(text);
    return new RegExp(`(^|[^\\w])${escaped(card.name)}(?![\\w])`, "i").test(text);
  }

  // What the card wants in the prompt is put at its end; a second click takes it out again.
  function toggled(text, card, weight) {
    if (has(text, card)) {
      let left = card.kind === "lora" ? text.replace(tagOf(card.name), "")
        : text.replace(new RegExp(`(^|,?\\s*)${escaped(card.name)}(?![\\w])`, "i"), "");
      if (card.facts.text && left.endsWith(card.facts.text)) left = left.slice(0, -card.facts.text.length);
      return left.replace(/[\s,]+$/, "").replace(/^[\s,]+/, "");
    }
    const parts = [written(card, weight), card.facts.text].filter(Boolean);
    return [text.replace(/[\s,]+$/, ""), ...parts].filter(Boolean).join(", ");
  }

  function size(bytes) {
    if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
    return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  }

  sf.place("cards", (root) => {
    const tab = root.dataset.tab;
    let kind = "lora";
    let cards = [];
    let next = null;
    let asked = 0;
    let announced = -1;
    let negative = false;

    const head = h("summary", {}, icon("list"), "LoRA, embeddings, models");
    const tabs = h("div", { class: "sf-chips-row", role: "group", "aria-label": "Kind" },
      ...kinds.map(([value, word]) => h("button", { type: "button", class: "sf-btn sf-sm", "data-kind": value, "aria-pressed": String(value === kind), onclick: () => choose(value) }, word)));
    const search = h("input", { type: "search", "aria-label": "Search cards", placeholder: "Search name, words, notes", autocomplete: "off", spellcheck: "false" });
    const folders = h("select", { "aria-label": "Folder" });
    const weight = h("input", { type: "number", value: "1", step: "0.05", min: "-10", max: "10", "aria-label": "Weight of a new LoRA", title: "Weight of a new LoRA" });
    const told = h("span", { class: "sf-faint", role: "status" });
    const grid = h("div", { class: "sf-cards" });
    const more = sf.button("Show more", () => load(true), { kind: "sf-sm" });
    const box = h("details", { class: "sf-card sf-cardbox" }, head,
      h("div", { class: "sf-cardtools" }, tabs, h("label", { class: "sf-search" }, icon("search"), search), folders, weight, told), grid, more);
    root.replaceChildren(box);

    const prompt = () => sf.field(negative ? `${tab}_neg_prompt` : `${tab}_prompt`);

    // Cards go into the prompt that was written in last.
    document.addEventListener("focusin", (event) => {
      if (event.target.closest?.(`#${tab}_neg_prompt`)) negative = true;
      else if (event.target.closest?.(`#${tab}_prompt`)) negative = false;
    });

    function choose(value) {
      kind = value;
      folders.value = "";
      for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
      weight.hidden = kind !== "lora";
      load(false);
    }

    async function load(further) {
      const turn = (asked += 1);
      const query = new URLSearchParams({ kind, search: search.value, limit: String(page) });
      if (folders.value) query.set("folder", folders.value);
      if (further && next) query.set("offset", String(next));
      const answer = await sf.ask(`assets?${query}`).catch((error) => (told.textContent = error.message, null));
      if (!answer || turn !== asked) return;
      cards = further ? [...cards, ...answer.assets] : answer.assets;
      next = answer.next;
      if (!further) offer(answer.folders);
      told.textContent = answer.total === 1 ? "1 file" : `${answer.total} files`;
      const fresh = answer.assets.map(tile);
      if (further) grid.append(...fresh);
      else grid.replaceChildren(...(fresh.length ? fresh : [h("p", { class: "sf-faint" }, empty())]));
      more.hidden = next === null;
      mark();
    }

    function empty() {
      if (search.value || folders.value) return "Nothing fits these words.";
      return `Nothing here yet: files belong into models/${{ lora: "loras", embedding: "embeddings", checkpoint: "checkpoints" }[kind]}.`;
    }

    function offer(names) {
      const kept = folders.value;
      folders.replaceChildren(h("option", { value: "" }, "All folders"), ...names.map((name) => h("option", { value: name }, name)));
      folders.value = names.includes(kept) ? kept : "";
      folders.hidden = !names.length;
    }

    function tile(card) {
      const words = [card.facts.text || (card.facts.words || []).slice(0, 6).join(", "), card.facts.notes, size(card.bytes)];
      const picture = card.preview
        ? h("img", { src: `api/v1/assets/${card.id}/preview`, alt: "", loading: "lazy", decoding: "async" })
        : h("span", { class: "sf-nopic", "aria-hidden": "true" }, card.name.slice(0, 1).toUpperCase());
      return h("button", {
        type: "button", class: `sf-cardtile${card.problem ? " sf-off" : ""}`, "data-name": card.name,
        title: [card.title, card.problem, ...words].filter(Boolean).join("\n"), disabled: Boolean(card.problem),
        onclick: () => use(card),
      }, picture, h("b", {}, card.name), h("small", {}, card.problem || card.family || card.facts.kind || ""));
    }

    function use(card) {
      if (card.kind === "checkpoint") {
        sf.chooseModel(card.name);
        return;
      }
      const field = prompt();
      if (!field) return;
      // Only the prompt has tags: in the negative one they would be words.
      const target = card.kind === "lora" ? sf.field(`${tab}_prompt`) : field;
      sf.set(target, toggled(target.value, card, card.facts.weight || Number(weight.value) || 1));
      mark();
    }

    function mark() {
      const texts = [sf.field(`${tab}_prompt`)?.value || "", sf.field(`${tab}_neg_prompt`)?.value || ""];
      [...grid.querySelectorAll(".sf-cardtile")].forEach((item, at) => {
        const card = cards[at];
        const used = card && card.kind !== "checkpoint" && texts.some((text) => has(text, card));
        item.setAttribute("aria-pressed", String(Boolean(used)));
      });
    }

    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => load(false), 200);
    });
    folders.addEventListener("change", () => load(false));
    document.addEventListener("input", (event) => event.target.closest?.(`#${tab}_prompt, #${tab}_neg_prompt`) && mark());
    box.addEventListener("toggle", () => box.open && (announced = -1, refresh()));
    new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && next !== null && !more.hidden && load(true), { rootMargin: "200px" }).observe(more);

    function refresh() {
      if (!box.open || announced === sf.state.engine.announced) return;
      announced = sf.state.engine.announced;
      load(false);
    }
    return refresh;
  });

  // The model picker is gradio's: it is told as a person would.
  sf.chooseModel = (name) => {
    const input = document.querySelector("#setting_sd_model_checkpoint input");
    if (!input) return;
    input.focus();
    input.value = name;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => {
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      input.blur();
    }, 150);
  };
})();
