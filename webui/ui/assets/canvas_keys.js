// The painter's keys.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { toolKeys } = snowfox;
  const { segment } = snowfox.shapes;

  /** True when the key was the painter's. */
  function press(painter, event) {
    if (!painter.opened) return false;
    painter.view.frame.classList.remove("sf-well-held");
    const letter = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (letter !== "z" && letter !== "y") return false;
      painter.travel(letter === "y" || event.shiftKey ? "redo" : "undo");
      return true;
    }
    if (event.altKey) return false;
    if (document.activeElement === painter.surface && walk(painter, event)) return true;
    const run = keys(painter)[letter];
    if (!run) return false;
    run();
    return true;
  }

  /** What the keys do now. */
  function keys(painter) {
    const { view, size } = painter;
    const notch = Math.max(1, Math.round(size / 8));
    const onMask = { i: () => painter.step((mask) => mask.invert()) };
    const onBoth = { m: () => painter.paint("mask"), c: () => painter.paint("sketch"), o: () => painter.toolbar.toggle("extend") };
    return {
      ...Object.fromEntries([...toolKeys].map(([key, tool]) => [key, () => painter.choose(tool)])),
      "[": () => painter.resize(size - notch),
      "]": () => painter.resize(size + notch),
      h: () => painter.toggleSeen(),
      0: () => view.fit(),
      "+": () => view.zoom(1.25),
      "=": () => view.zoom(1.25),
      "-": () => view.zoom(1 / 1.25),
      ...(painter.mode === "mask" ? onMask : {}),
      ...(painter.masked ? onBoth : {}),
      ...(painter.gesture ? { escape: () => painter.interrupt() } : {}),
      ...(document.activeElement.closest("button, input") ? {} : { " ": () => painter.holdSpace(true) }),
    };
  }

  /** Painting by keys: arrows move the brush, Enter paints a dab. */
  function walk(painter, event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const dab = event.key === "Enter" && (painter.tool === "brush" || painter.tool === "eraser");
    if (!way && !dab) return false;
    const { width, height } = painter.layer;
    const at = painter.hover ?? { x: width / 2, y: height / 2 };
    if (dab) {
      const centre = { ...at, r: painter.size / 2 };
      painter.step((layer) => segment(layer, centre, centre, { soft: painter.soft, erase: painter.tool === "eraser" }));
      painter.hover = at;
    } else {
      const stride = event.shiftKey ? 1 : Math.max(1, painter.size / 4);
      const clamp = (value, top) => Math.min(top, Math.max(0, value));
      painter.hover = { x: clamp(at.x + way[0] * stride, width), y: clamp(at.y + way[1] * stride, height) };
    }
    painter.placeRing();
    return true;
  }

  snowfox.wellKeys = { press };
})();
