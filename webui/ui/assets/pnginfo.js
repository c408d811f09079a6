// PNG Info, in the Gallery tab: what a picture from anywhere says of how it was made, and how faithfully it can be made here.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon } = sf;

  const tool = (answer) => (answer.exact ? "Made by Snowfox: everything is known." : `Made by ${answer.tool || "a program that gives no name"}.`);

  function report(fidelity) {
    const of = (level) => Object.keys(fidelity).filter((name) => fidelity[name] === level);
    const row = (level, word) => (of(level).length ? [h("dt", {}, word), h("dd", {}, of(level).join(", "))] : []);
    return h("dl", { class: "sf-kv" }, ...row("exact", "Taken over exactly"), ...row("nearest", "The nearest there is"), ...row("lost", "Lost"));
  }

  sf.place("pnginfo", (root) => {
    const [pick, input, shown] = root.children;

    function close() {
      shown.hidden = true;
      shown.replaceChildren();
    }

    function show(name, answer) {
      const form = answer.recipe.source ? "img2img" : "txt2img";
      shown.replaceChildren(
        h("h2", {}, name), h("p", {}, tool(answer)),
        ...(answer.exact ? [] : [report(answer.fidelity)]),
        h("pre", {}, answer.text || "No parameters text."),
        h("div", { class: "sf-wraps" },
          sf.button("Use these settings", () => sf.fill(form, { ...answer.recipe, source: null }), { name: "play", kind: "sf-tint" }),
          sf.button("Copy", () => sf.copy(answer.text), { name: "copy", title: "Copy the settings as text" }),
          sf.button("Close", close)));
      shown.hidden = false;
    }

    async function read(file) {
      if (!file) return;
      try {
        show(file.name, await sf.ask("parameters", { method: "POST", body: file, headers: { "content-type": file.type || "application/octet-stream" } }));
      } catch (error) {
        shown.replaceChildren(h("h2", {}, file.name), h("p", { class: "sf-note", role: "alert" }, icon("info"), h("span", {}, error.message)), sf.button("Close", close));
        shown.hidden = false;
      }
    }

    pick.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      read(input.files[0]);
      input.value = "";
    });
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      read(event.dataTransfer.files[0]);
    });
    return () => {};
  });
})();
