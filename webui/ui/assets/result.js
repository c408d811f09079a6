// Beside the stage: progress, strip, send-to row, settings of the shown picture; what the buttons do.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon, state } = sf;
  const known = new Map();

  async function details(id) {
    if (!known.has(id)) known.set(id, await sf.ask(`images/${encodeURIComponent(id)}/details`));
    return known.get(id);
  }

  const plural = (count) => (count === 1 ? "1 picture" : `${count} pictures`);

  // ----- progress -----
  function share(job, index) {
    const { picture, step, steps } = job.progress;
    if (job.images.some((image) => image.index === index)) return 1;
    const batch = job.recipe.batch || 1;
    return index >= picture && index < picture + batch && steps ? step / steps : 0;
  }

  function segments(bar, job) {
    const { pictures, fraction } = job.progress;
    const shares = pictures > 24 ? [fraction] : Array.from({ length: pictures }, (_, index) => share(job, index));
    if (bar.children.length !== shares.length) bar.replaceChildren(...shares.map(() => h("i", {}, h("b"))));
    shares.forEach((value, index) => {
      const part = bar.children[index];
      part.className = value > 0 && value < 1 && job.state === "running" ? "sf-run" : "";
      part.firstChild.style.width = `${Math.round(value * 1000) / 10}%`;
    });
    bar.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
  }

  function words(job) {
    const { picture, pictures, step, steps, fraction, eta, loading } = job.progress;
    const made = job.images.length;
    const percent = `${Math.round(fraction * 100)} %`;
    const time = (job.ended || 0) - (job.started || job.created);
    if (job.state === "queued") return [`Place ${job.place ?? 1}`, " in the queue", "", state.engine.phase === "ready" ? "" : "waiting for the engine"];
    if (job.state === "loading") return ["Loading model", "", loading === null ? "" : `${Math.round(loading * 100)} %`, ""];
    if (job.state === "running") {
      const left = eta === null ? "" : `, about ${sf.seconds(Math.max(1, Math.round(eta)))} left`;
      return [`Picture ${Math.min(picture + 1, pictures)} of ${pictures}`, `, step ${step} of ${steps}`, percent, left];
    }
    if (job.state === "done") {
      const each = made > 1 ? `${sf.seconds(time / made)} each, ` : "";
      return [plural(made), ` in ${sf.seconds(time)}`, "", `${each}saved in outputs`];
    }
    return ["Stopped", ` at picture ${Math.min(made + 1, pictures)} of ${pictures}`, "", made ? `${made} saved` : "nothing saved"];
  }

  sf.place("progress", (root) => {
    const [bar, line, notes] = root.children;
    return () => {
      const job = sf.current();
      const busy = Boolean(job) && (job.state === "running" || job.state === "loading");
      root.hidden = !job;
      bar.hidden = !busy;
      if (busy) segments(bar, job);
      const [strong, rest, right, far] = job ? words(job) : ["", "", "", ""];
      line.children[0].replaceChildren(h("b", {}, strong), rest);
      line.children[1].replaceChildren(h("b", {}, right), far);
      const told = job ? job.notes : [];
      if (notes.dataset.told !== told.join("|")) {
        notes.dataset.told = told.join("|");
        notes.replaceChildren(...told.map((note) => h("p", { class: "sf-note" }, icon("info"), h("span", {}, note))));
      }
    };
  });

  // ----- strip -----
  function thumb(image, label, badge, run, pressed) {
    const face = h("img", { src: sf.address(image.id, "/thumbnail"), alt: "", loading: "lazy" });
    const kids = badge ? [face, h("span", {}, badge)] : [face];
    return h("button", { type: "button", class: "sf-thumb", "aria-label": label, "aria-pressed": String(pressed), onclick: run }, ...kids);
  }

  function pick(id) {
    state.chosen = id;
    sf.render();
  }

  function unmade(job) {
    const made = new Set(job.images.map((image) => image.index));
    const all = Array.from({ length: Math.min(job.progress.pictures, 24) }, (_, index) => index);
    return all.filter((index) => !made.has(index));
  }

  function restThumb(job, index) {
    const failed = job.state === "failed" && index === Math.min(job.progress.picture, job.progress.pictures - 1);
    if (failed) return h("div", { class: "sf-thumb sf-failed" }, `${index + 1} failed`);
    if (!sf.isLive(job)) return null;
    if (job.state !== "running" || index !== job.progress.picture) return h("div", { class: "sf-thumb sf-waits" }, `${index + 1} waits`);
    const face = h("img", { alt: "", hidden: true });
    return h("button", { type: "button", class: "sf-thumb sf-now", "aria-label": "The picture in the making", onclick: () => pick(null) }, face, h("span"));
  }

  // The thumb of the picture in the making follows every step.
  function touch(strip, job) {
    const now = strip.querySelector(".sf-now");
    if (!now) return;
    const { step, steps } = job.progress;
    now.setAttribute("aria-pressed", String(!state.chosen));
    now.lastChild.textContent = `${Math.round((step / (steps || 1)) * 100)} %`;
    const preview = sf.preview(job);
    now.firstChild.hidden = !preview;
    if (preview) now.firstChild.src = preview;
  }

  function sameRun(job) {
    const own = sf.pictures(job);
    const shown = sf.shown()?.id;
    const thumbs = own.map((image) => {
      const badge = own.length > 1 || job.progress.pictures > 1 ? String(image.index + 1) : "";
      return thumb(image, `Picture ${image.index + 1} of this run`, badge, () => pick(image.id), shown === image.id);
    });
    return [...thumbs, ...unmade(job).map((index) => restThumb(job, index)).filter(Boolean)];
  }

  sf.place("strip", (strip) => {
    let drawn = "";
    return () => {
      const job = sf.current();
      const names = new Set(sf.pictures(job).map((image) => image.id));
      const earlier = state.recent.filter((image) => !names.has(image.id)).slice(0, 24);
      const shown = sf.shown()?.id;
      const key = JSON.stringify([job?.id, job?.state, job?.progress.picture, [...names], earlier.map((image) => image.id), shown]);
      if (key !== drawn) {
        drawn = key;
        const mine = job ? sameRun(job) : [];
        const rest = earlier.map((image) => thumb(image, `Earlier picture, ${image.prompt || "no prompt"}`, "", () => pick(image.id), shown === image.id));
        const focus = [...strip.children].indexOf(document.activeElement);
        strip.replaceChildren(...mine, ...(mine.length && rest.length ? [h("div", { class: "sf-sep" })] : []), ...rest);
        if (focus >= 0) strip.children[focus]?.focus?.({ preventScroll: true });
      }
      if (job) touch(strip, job);
    };
  });

  // ----- send to, settings -----
  sf.place("send", (row) => () => {
    row.hidden = !sf.shown();
  });

  function values(recipe, image) {
    const parts = [
      ["Steps", recipe.steps], ["Sampler", recipe.sampler], ["Schedule", recipe.schedule], ["CFG", recipe.guidance],
      ["Seed", image.seed], ["Size", `${image.width}×${image.height}`], ["Model", recipe.checkpoint],
    ];
    if (recipe.source) parts.splice(4, 0, ["Strength", recipe.source.strength]);
    return parts.filter(([, value]) => value !== "" && value !== undefined && value !== null);
  }

  sf.place("info", (card) => {
    let drawn = null;
    return async () => {
      const image = sf.shown();
      card.hidden = !image;
      if (!image || drawn === image.id) return;
      drawn = image.id;
      const full = await details(image.id).catch(() => null);
      if (!full || drawn !== image.id) return;
      card.querySelector(".sf-info-prompt").textContent = full.prompt || "No prompt";
      const line = card.querySelector(".sf-info-values");
      line.replaceChildren();
      values(full.recipe || {}, full).forEach(([name, value], index) => line.append(`${index ? " · " : ""}${name} `, h("b", {}, String(value))));
    };
  });

  // Settings that start from a picture, with what was painted on it.
  function begin(recipe) {
    const { image, sketch, mask, extend } = recipe.source;
    const sides = [extend.left, extend.top, extend.right, extend.bottom];
    const extended = sides.some((side) => side > 0);
    const target = mask || extended ? "inpaint" : "img2img";
    sf.fill(target, recipe);
    const kept = { mask: mask?.image ?? "", sketch, extend: extended ? sides.join(",") : "" };
    sf.whenThere(`#${target}_generate`, () => {
      setTimeout(() => document.dispatchEvent(new CustomEvent("snowfox:picture", { detail: { target, ref: image, kept } })), 0);
    });
  }

  async function use(id) {
    const full = await details(id).catch((error) => sf.toast(error.message));
    if (!full) return;
    if (!full.recipe) return sf.readText("txt2img", full.parameters);
    const recipe = { ...full.recipe, seed: full.seed, count: 1, batch: 1 };
    if (recipe.source && !recipe.finish?.only) begin(recipe);
    else sf.fill("txt2img", { ...recipe, source: null });
    sf.toast("Settings of this picture filled in.", { name: "check" });
  }

  function save(id) {
    const link = h("a", { href: sf.address(id), download: true });
    document.body.append(link);
    link.click();
    link.remove();
  }

  function stepPicture(by) {
    const job = sf.current();
    const own = sf.pictures(job);
    const names = new Set(own.map((image) => image.id));
    const all = [...own, ...state.recent.filter((image) => !names.has(image.id))];
    return { all, at: all.findIndex((image) => image.id === sf.shown()?.id) + by };
  }

  function showResult(result) {
    const column = document.getElementById("inpaint_results");
    column?.classList.toggle("sf-show-result", result);
    for (const view of column?.querySelectorAll("[data-view]") ?? []) {
      view.setAttribute("aria-pressed", String((view.dataset.view === "result") === result));
    }
  }

  // ----- buttons -----
  const acts = {
    size: (at) => sf.sizeFor(at.dataset.ratio).forEach((side, index) => sf.set(sf.field(`${sf.formOf(at)}_${index ? "height" : "width"}`), side)),
    swap: (at) => sf.swap(sf.formOf(at)),
    clear: (at) => ["prompt", "neg_prompt"].forEach((name) => sf.set(sf.field(`${sf.formOf(at)}_${name}`), "")),
    paste: (at) => sf.paste(sf.formOf(at)),
    forget: (at) => sf.forget(sf.formOf(at)),
    "random-seed": (at) => sf.set(sf.field(`${sf.formOf(at)}_seed`), -1),
    "random-subseed": (at) => sf.set(sf.field(`${sf.formOf(at)}_subseed`), -1),
    "last-subseed": async (at) => {
      const image = sf.shown() || sf.pictures(sf.current()).at(-1) || state.recent[0];
      const seed = image && (await details(image.id)).recipe?.sampling.variation_seed;
      if (seed || seed === 0) sf.set(sf.field(`${sf.formOf(at)}_subseed`), seed);
      else sf.toast("The shown picture has no variation seed.");
    },
    "last-seed": (at) => {
      const image = sf.shown() || sf.pictures(sf.current()).at(-1) || state.recent[0];
      if (image) sf.set(sf.field(`${sf.formOf(at)}_seed`), image.seed);
      else sf.toast("There is no picture yet whose seed could be used.");
    },
    "send-img2img": () => sf.shown() && sf.send("img2img", sf.shown().id),
    "send-extras": () => sf.shown() && sf.send("extras", sf.shown().id),
    "send-inpaint": () => sf.shown() && sf.send("inpaint", sf.shown().id).then(() => showResult(false)),
    save: () => sf.shown() && save(sf.shown().id),
    delete: () => sf.shown() && sf.discard(sf.shown().id),
    use: () => sf.shown() && use(sf.shown().id),
    copy: async () => sf.shown() && sf.copy((await details(sf.shown().id)).parameters),
    zoom: () => sf.shown() && sf.zoom(stepPicture(0).all, Math.max(0, stepPicture(0).at)),
    view: (at) => showResult(at.dataset.view === "result"),
    rescan: () => {
      sf.post("rescan").then(() => sf.toast("Looking at the models folder again."), (error) => sf.toast(error.message));
      for (const wait of [500, 2000, 6000]) setTimeout(sf.look, wait);
    },
    models: () => sf.openTabNamed("models"),
    theme: () => sf.theme.choose(sf.theme.isDark() ? "light" : "dark"),
  };

  document.addEventListener("click", (event) => {
    const at = event.target.closest?.("[data-do]");
    if (at && acts[at.dataset.do]) acts[at.dataset.do](at);
    else if (event.target.closest?.("[id$='_interrupt']")) sf.stop();
    else if (event.target.closest?.(".sf-stage > .sf-pic")) acts.zoom();
  });

  Object.assign(sf, { details, values, use, save, showResult, plural });
})();
