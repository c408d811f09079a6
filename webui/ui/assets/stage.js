// The stage: the picture or its live preview, or what there is to say instead; Generate, Stop, title, small picture.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon, state } = sf;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // ----- what to show -----
  function view() {
    const job = sf.current();
    const image = sf.shown();
    if (sf.isEmpty()) return { kind: "first" };
    if (image && state.chosen) return { kind: "picture", job, image };
    if (!job) return { kind: "idle" };
    if (job.state === "queued") return { kind: "queued", job, image };
    if (job.state === "loading" || job.state === "running") return { kind: "live", job };
    if (job.state === "failed") return { kind: "failed", job, image };
    return image ? { kind: "picture", job, image } : { kind: "idle" };
  }

  function source({ kind, job, image }) {
    if (kind === "picture" || kind === "queued" || kind === "failed") return image ? sf.address(image.id) : behind();
    if (kind === "live") return sf.preview(job) || behind();
    return "";
  }

  function behind() {
    const last = sf.pictures(sf.current()).at(-1) || state.recent[0];
    return last ? sf.address(last.id, "/thumbnail") : "";
  }

  function tag({ kind, job, image }) {
    if (!state.connected && kind !== "idle") return ["Reconnecting", "sf-wait"];
    if (kind === "live") {
      if (job.stopping) return ["Stopping after this step", "sf-wait"];
      if (job.state === "loading") return ["Loading model", "sf-wait"];
      return [sf.preview(job) ? "Live preview" : "Running", ""];
    }
    if (kind !== "picture") return ["", ""];
    const own = job?.images.find((item) => item.id === image.id);
    return own ? [`Picture ${own.index + 1} of ${job.progress.pictures}`, "sf-done"] : ["Earlier picture", "sf-done"];
  }

  // ----- cards on the stage -----
  function idle() {
    const starting = state.engine.phase === "starting" || state.engine.phase === "restarting";
    if (state.engine.phase === "failed") return [h("b", {}, "The engine did not start"), h("p", {}, state.engine.message)];
    const sentence = starting
      ? "The engine is starting. Write what you want to see and press Generate; it begins as soon as the engine is ready."
      : "Write what you want to see and press Generate. Or drop a picture on the prompt to use its settings.";
    return [h("b", {}, "Your picture appears here"), h("p", {}, sentence)];
  }

  function queued(job) {
    const before = (job.place ?? 1) - 1 + (state.queue.running ? 1 : 0);
    const ready = state.engine.phase === "ready";
    const title = ready ? (before ? `Waiting for ${before === 1 ? "the run" : `${before} runs`} before this one` : "Starting") : "Waiting for the engine";
    const cancel = sf.button("Cancel", () => sf.post(`jobs/${job.id}/cancel`), { kind: "sf-sm", title: "Remove this run from the queue" });
    return [h("b", {}, title), h("p", {}, "You can close this page, the run goes on."), h("div", { class: "sf-row" }, cancel)];
  }

  function kept(job) {
    const made = job.images.length;
    if (made === 0) return "No picture was finished. Everything you typed is still there.";
    return made === 1 ? "Picture 1 is finished and saved." : `Pictures 1 to ${made} are finished and saved.`;
  }

  function again(recipe) {
    sf.post("jobs", { ...recipe }).then((job) => sf.mine(job.id), (error) => sf.toast(error.message, { name: "warn" }));
  }

  function fixes(job) {
    const { recipe, failure } = job;
    const rows = [sf.button("Try again", () => again(recipe), { kind: "sf-tint", title: "Queue the same settings once more" })];
    if (failure.cause === "out of memory") {
      const [width, height] = [recipe.width, recipe.height].map((side) => Math.max(64, Math.round((side * 0.75) / 64) * 64));
      rows.push(sf.button(`Use ${width} × ${height}`, () => again({ ...recipe, width, height }), { title: "A smaller picture needs less memory" }));
      if (recipe.batch > 1) {
        rows.push(sf.button("One at a time", () => again({ ...recipe, count: recipe.count * recipe.batch, batch: 1 }), { title: "The same pictures, one after another" }));
      }
    }
    if (failure.cause === "model") rows.push(h("button", { type: "button", class: "sf-btn", "data-do": "models" }, "See the models"));
    return rows;
  }

  function errorCard(job) {
    const { failure } = job;
    const text = `${failure.cause}: ${failure.message}\n${failure.hint}\n${JSON.stringify(job.recipe, null, 1)}`;
    const card = h("section", { class: "sf-card sf-error", "aria-labelledby": `sf_error_${job.id}` });
    card.append(
      h("h2", { id: `sf_error_${job.id}` }, icon("warn"), h("span", {}, failure.message)),
      h("p", {}, kept(job)),
      h("div", { class: "sf-wraps" }, ...fixes(job)),
    );
    if (failure.hint) card.append(h("p", { class: "sf-note" }, icon("info"), h("span", {}, failure.hint)));
    const copy = h("button", { type: "button", class: "sf-mini-btn", onclick: () => sf.copy(text) }, icon("copy"), "Copy");
    card.append(h("details", {}, h("summary", {}, icon("chev"), "Details for a bug report"), h("pre", { tabindex: "0" }, text), copy));
    return card;
  }

  function firstRun() {
    const broken = state.catalogue.checkpoints.length;
    const rescan = h("button", { type: "button", class: "sf-btn sf-ember", "data-do": "rescan", title: "Look at the models folder again" }, icon("reuse"), "Rescan");
    const option = (name, title, text, act) =>
      h("div", { class: "sf-option" }, icon(name), h("div", {}, h("b", {}, title), h("p", {}, text)), act);
    const steps = [["Engine started", "sf-ok"], ["Add a model", "sf-now"], ["First picture", ""]].map(([text, kind], index) =>
      h("li", { class: kind, "aria-current": kind === "sf-now" ? "step" : false }, h("i", {}, kind === "sf-ok" ? icon("check") : String(index + 1)), text),
    );
    const options = [
      option("folder", "Add a file", "Put a .safetensors file, or a diffusers folder, in models/checkpoints. Then press Rescan.", rescan),
    ];
    if (broken) {
      const word = broken === 1 ? "1 file was found that cannot be used." : `${broken} files were found that cannot be used.`;
      options.push(option("warn", "See what was found", word, h("button", { type: "button", class: "sf-btn", "data-do": "models" }, "Open Models")));
    }
    return [
      h("img", { class: "sf-first-art", src: document.querySelector(".sf-scene").src, alt: "" }),
      h("div", { class: "sf-first-in" },
        h("ol", { class: "sf-steps" }, ...steps),
        h("h2", {}, "Snowfox needs a model to draw with"),
        h("p", { class: "sf-lead-text" }, "A model is one large file that holds what the program has learned. Any Stable Diffusion 1.x checkpoint will do."),
        ...options),
    ];
  }

  // ----- the stage itself -----
  function picture(pic, back) {
    let wanted = "";
    let loading = false;
    let last = 0;
    function next() {
      if (loading || pic.dataset.src === wanted) return;
      const url = wanted;
      const preview = url.includes("/preview");
      const wait = preview && calm.matches ? Math.max(0, last + 1000 - Date.now()) : 0;
      const loader = new Image();
      loading = true;
      const settle = () => {
        loading = false;
        next();
      };
      loader.onload = () => {
        pic.src = back.src = url;
        pic.dataset.src = url;
        last = Date.now();
        settle();
      };
      loader.onerror = () => {
        pic.dataset.src = url;
        settle();
      };
      setTimeout(() => (loader.src = url), wait);
    }
    return (url) => {
      wanted = url;
      if (url) next();
    };
  }

  sf.place("stage", (stage) => {
    const part = (name) => stage.querySelector(`:scope > .sf-${name}`);
    const [back, pic, mark, blank, alert] = ["back", "pic", "tag", "blank", "alert"].map(part);
    const show = picture(pic, back);
    let drawn = "";
    return () => {
      const now = view();
      const url = source(now);
      show(url);
      const over = now.kind === "queued" || now.kind === "failed";
      stage.classList.toggle("sf-first", now.kind === "first");
      stage.classList.toggle("sf-tall", now.kind === "failed");
      part("scene").hidden = Boolean(url) || now.kind === "first";
      back.hidden = !url;
      pic.hidden = !url || over;
      pic.alt = now.image?.prompt || now.job?.recipe.prompt || "Picture";
      const [text, kind] = tag(now);
      mark.hidden = !text;
      mark.className = `sf-tag ${kind}`;
      mark.textContent = text;
      stage.querySelector("[data-do='zoom']").hidden = now.kind !== "picture";
      const key = [now.kind, now.job?.id, now.job?.place, state.engine.phase, state.queue.running, state.catalogue?.checkpoints.length].join();
      if (key === drawn) return;
      drawn = key;
      const cards = { idle: () => idle(), queued: () => queued(now.job), first: () => firstRun() };
      blank.hidden = !cards[now.kind];
      blank.classList.toggle("sf-aside", now.kind === "idle");
      blank.replaceChildren(...(cards[now.kind]?.() ?? []));
      alert.replaceChildren(...(now.kind === "failed" ? [errorCard(now.job)] : []));
    };
  });

  sf.place("mini", (small) => {
    const [face, word] = small.children;
    const show = picture(face, h("img"));
    small.addEventListener("click", () => document.querySelector(`#${sf.formOf(small)}_stage`)?.scrollIntoView({ block: "center" }));
    return () => {
      const now = view();
      const url = source(now);
      small.hidden = !url;
      show(url);
      const percent = now.job && sf.isLive(now.job) && now.job.state !== "queued" ? `${Math.round(now.job.progress.fraction * 100)} %` : "";
      word.textContent = percent;
      word.hidden = !percent;
      small.setAttribute("aria-label", percent ? `Show the picture, ${percent} done` : "Show the picture");
      buttons(sf.formOf(small));
    };
  });

  // ----- Generate and Stop -----
  function label(button, text) {
    const node = [...button.childNodes].find((child) => child.nodeType === 3 && child.data.trim());
    if (node && node.data.trim() !== text) node.data = ` ${text} `;
  }

  function buttons(form) {
    const busy = [...state.jobs.values()].some(sf.isLive);
    const job = sf.current();
    document.body.classList.toggle("sf-busy", busy);
    const generate = document.getElementById(`${form}_generate`);
    const stop = document.getElementById(`${form}_interrupt`);
    if (generate) {
      label(generate, busy ? "Add to queue" : "Generate");
      generate.disabled = sf.isEmpty();
      generate.title = sf.isEmpty() ? "Add a model first" : busy ? "Make these pictures next (Ctrl+Enter)" : "Make the pictures (Ctrl+Enter)";
    }
    if (stop) {
      stop.disabled = !job || !sf.isLive(job) || job.stopping;
      stop.title = "Stop and keep what is finished (Esc)";
    }
  }

  // ----- title and spoken progress -----
  let spoken = "";

  function speak(text) {
    if (!text || text === spoken) return;
    spoken = text;
    let region = document.getElementById("sf_spoken");
    if (!region) {
      region = h("div", { id: "sf_spoken", class: "sf-sr", role: "status" });
      document.body.append(region);
    }
    region.textContent = text;
  }

  function title() {
    const job = sf.current();
    const percent = job ? Math.round(job.progress.fraction * 100) : 0;
    const word = !job ? "" : job.state === "queued" ? "Waiting - " : sf.isLive(job) ? `${percent} % - ` : "";
    const name = `${word}Snowfox`;
    if (document.title !== name) document.title = name;
    if (!job) return;
    if (job.state === "running") speak(`${Math.floor(percent / 10) * 10} percent`);
    else if (job.state === "done" && spoken) speak(`${sf.plural(job.images.length)} finished`);
    else if (job.state === "cancelled" && spoken) speak("Stopped");
  }

  sf.always.push(title);
})();
