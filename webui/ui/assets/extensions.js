// The Extensions tab: its buttons leave what they want in a hidden box, which the program looks into.
(() => {
  "use strict";
  const sf = window.snowfox;
  let wishes = 0;

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do=addon]");
    if (!button) return;
    button.disabled = true;
    const wish = { name: button.dataset.name, on: Boolean(button.dataset.on), wish: (wishes += 1) };
    sf.set(sf.field("sf_addon"), JSON.stringify(wish));
  });
})();
