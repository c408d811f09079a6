// What gradio's parts leave out for keyboards and screen readers: states, names and hints of its controls.
(() => {
  "use strict";
  const sf = window.snowfox;
  let hints = 0;

  function expand(title) {
    title.setAttribute("aria-expanded", String(title.classList.contains("open")));
    new MutationObserver(() => title.setAttribute("aria-expanded", String(title.classList.contains("open")))).observe(title, {
      attributes: true,
      attributeFilter: ["class"],
    });
  }

  // The sentence that explains a control: a tooltip for the eye, a description for the ear.
  function describe(info) {
    const block = info.closest(".block");
    info.id ||= `sf_hint_${(hints += 1)}`;
    block.title = info.textContent.trim();
    for (const input of block.querySelectorAll("input, textarea")) input.setAttribute("aria-describedby", info.id);
  }

  function name(input) {
    const label = input.closest(".block")?.querySelector("[data-testid='block-info']")?.textContent.trim();
    if (label) input.setAttribute("aria-label", input.type === "range" ? label : `${label}, number`);
  }

  function mend(root) {
    const each = (selector, run) => {
      for (const element of root.querySelectorAll(selector)) {
        if (element.dataset.sfMended) continue;
        element.dataset.sfMended = "yes";
        run(element);
      }
    };
    each(".label-wrap", expand);
    each(".sf-slider input", name);
    each(".sf-slider .info-text, #tabs [id$='_seed'] .info-text", describe);
  }

  function move(event) {
    const tab = event.target.closest?.("#tabs [role='tab']");
    if (!tab || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    const tabs = [...tab.parentElement.querySelectorAll("[role='tab']")];
    const at = tabs.indexOf(tab);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    const next = tabs[(to + tabs.length) % tabs.length];
    event.preventDefault();
    next.focus();
    next.click();
  }

  document.addEventListener("keydown", move);
  sf.whenThere("#txt2img_generate", () => {
    mend(document);
    new MutationObserver(() => mend(document)).observe(document.getElementById("tabs"), { childList: true, subtree: true });
  });
})();
