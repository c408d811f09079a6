// The wells on the page: keys, pasted and dropped pictures, and wells that Gradio takes out of the page and puts back.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { Well } = snowfox;
  const { memory } = snowfox.wellStore;
  const { press } = snowfox.wellKeys;
  const wells = new Map();

  const isTyping = (node) => node?.closest?.("textarea, select, [contenteditable], input:not([type=range], [type=color], [type=file])");

  function onKey(event) {
    if (event.defaultPrevented || isTyping(document.activeElement)) return;
    for (const well of wells.values()) {
      if (!well.attended || !press(well.painter, event)) continue;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
  }

  function onPaste(event) {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file || (isTyping(document.activeElement) && event.clipboardData.types.includes("text/plain"))) return;
    const well = [...wells.values()].find((one) => one.seen);
    if (!well) return;
    event.preventDefault();
    well.accept(file);
  }

  /** Gradio takes the parts of closed tabs out of the page and builds them again: the wells move back in. */
  function attachAll() {
    for (const host of document.querySelectorAll("[data-sf-well]")) {
      const prefix = host.dataset.sfWell;
      if (!wells.has(prefix)) wells.set(prefix, new Well(prefix, host.dataset.sfMask === "true"));
      wells.get(prefix).attach(host);
    }
  }

  // kept: the mask, the sketch and the frame that belong to the picture; its settings are filled in elsewhere.
  document.addEventListener("snowfox:picture", ({ detail: { target, ref, kept } }) => {
    const well = wells.get(target);
    if (!well) return memory.write(target, { image: ref, ...(kept && { ...kept, given: true }) }); // its tab was never open
    if (!kept && well.image?.ref === ref) return undefined;
    const shown = kept ? well.bring(ref, kept) : well.use(ref, { same: true });
    return shown.catch((error) => well.say(error.message));
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("paste", onPaste);
  // A file dropped beside a well must not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  }

  snowfox.canvas = {
    flush: async (target) => (wells.has(target) ? wells.get(target).flush() : memory.read(target)),
  };

  new MutationObserver(attachAll).observe(document.documentElement, { childList: true, subtree: true });
  attachAll();
})();
