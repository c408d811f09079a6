// The theme, before anything is painted: this browser's choice, else the installation's, else the system's.
(() => {
  "use strict";
  const sf = (window.snowfox ??= {});
  const key = "snowfox:theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  let installed = "system";

  function chosen() {
    try {
      return localStorage.getItem(key) || installed;
    } catch {
      return installed;
    }
  }

  function isDark() {
    const theme = chosen();
    return theme === "dark" || (theme !== "light" && system.matches);
  }

  function apply() {
    const dark = isDark();
    for (const element of [document.documentElement, document.body]) {
      if (element && element.classList.contains("dark") !== dark) element.classList.toggle("dark", dark);
    }
    document.dispatchEvent(new CustomEvent("snowfox:theme", { detail: { dark } }));
  }

  function choose(theme) {
    try {
      localStorage.setItem(key, theme);
    } catch {
      installed = theme;
    }
    apply();
  }

  function install(theme) {
    installed = theme || "system";
    apply();
  }

  sf.theme = { choose, install, chosen, isDark };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(() => {
      if (document.body.classList.contains("dark") !== isDark()) apply();
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
})();
