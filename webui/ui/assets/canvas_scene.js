// What an empty well shows, and the words below a full one.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, svg } = snowfox.wellParts;

  /** Pines at dusk below the words of an empty well. */
  function scene() {
    const hills = "M0 150Q120 96 260 138T520 120T800 144V200H0z";
    const snow = "M0 176Q200 150 420 172T800 164V200H0z";
    const pine = (x, y, tall) => [0.34, 0.66, 1].map((part) => {
      const wide = tall * 0.34 * part;
      const foot = y - tall * (1 - part);
      return `M${x} ${foot - tall * 0.46}L${x + wide} ${foot}H${x - wide}z`;
    }).join("");
    const pines = [[30, 92], [76, 64], [118, 108], [170, 58], [640, 60], [688, 104], [732, 70], [776, 116]];
    const row = pines.map(([x, tall]) => pine(x, 184, tall)).join("");
    const layers = [[hills, "sf-well-hills"], [row, "sf-well-pines"], [snow, "sf-well-snow"]].map(([d, kind]) => svg("path", { d, class: kind }));
    const attributes = { class: "sf-well-scene", viewBox: "0 0 800 200", preserveAspectRatio: "xMidYMax slice" };
    return svg("svg", { ...attributes, "aria-hidden": "true" }, ...layers);
  }

  function hints() {
    const hint = (key, words, kind) => el("span", { class: kind }, el("b", {}, key), ` ${words}`);
    return [
      hint("[ ]", "brush size", "sf-well-fine"),
      hint("Space", "moves the view", "sf-well-fine"),
      hint("Wheel", "zooms", "sf-well-fine"),
      hint("Two fingers", "zoom and move", "sf-well-coarse"),
    ];
  }

  snowfox.wellScene = { scene, hints };
})();
