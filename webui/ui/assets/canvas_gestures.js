// What a pointer does between going down and going up: a stroke, a box, a lasso, a fill, a picked colour, a move.
// Each gesture has move, end and, where it can be taken back, cancel.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { union } = snowfox.layer;
  const { segment, box, lasso, flood } = snowfox.shapes;

  const coalesced = (event) => {
    const all = event.getCoalescedEvents?.() ?? [];
    return all.length ? all : [event];
  };

  function point(painter, event) {
    const pressure = event.pointerType === "pen" ? 0.2 + 0.8 * event.pressure : 1;
    return { ...painter.view.toPicture(event.clientX, event.clientY), r: (painter.size / 2) * pressure };
  }

  function stroke(painter, event, erase) {
    const { layer } = painter;
    const brush = { soft: painter.soft, erase };
    let at = point(painter, event);
    painter.draw(segment(layer, event.shiftKey && painter.last ? painter.last : at, at, brush));
    const move = (next) => {
      let dirty = null;
      for (const one of coalesced(next)) {
        const to = point(painter, one);
        dirty = union(dirty, segment(layer, at, to, brush));
        at = to;
      }
      painter.draw(dirty);
    };
    const end = () => {
      painter.last = at;
      painter.finish();
    };
    return { move, end };
  }

  function boxes(painter, event, erase) {
    const { view } = painter;
    const from = view.toPicture(event.clientX, event.clientY);
    let to = from;
    const corners = () => [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
    const move = (next) => {
      to = view.toPicture(next.clientX, next.clientY);
      painter.guide.show(corners().map((corner) => view.toFrame(corner)));
    };
    const end = () => {
      const [left, right] = [from.x, to.x].sort((a, b) => a - b);
      const [top, bottom] = [from.y, to.y].sort((a, b) => a - b);
      const rect = box(painter.layer, left, top, right, bottom, erase);
      painter.draw(rect);
      if (rect.width && rect.height) painter.toolbar.showBox(rect);
      painter.finish();
    };
    return { move, end };
  }

  function lassos(painter, event, erase) {
    const { view } = painter;
    const points = [view.toPicture(event.clientX, event.clientY)];
    const move = (next) => {
      for (const one of coalesced(next)) points.push(view.toPicture(one.clientX, one.clientY));
      painter.guide.show(points.map((place) => view.toFrame(place)));
    };
    const end = () => {
      painter.draw(lasso(painter.layer, points, erase));
      painter.finish();
    };
    return { move, end };
  }

  function fills(painter, event, erase) {
    painter.draw(flood(painter.layer, painter.view.toPicture(event.clientX, event.clientY), erase));
    return { move: () => {}, end: () => painter.finish() };
  }

  const PAINTING = { brush: stroke, eraser: stroke, box: boxes, lasso: lassos, fill: fills };

  /** One undoable step with the chosen tool. */
  function painting(painter, event) {
    const erase = painter.tool === "eraser" || event.altKey || event.button === 5;
    painter.layer.begin();
    const cancel = () => {
      painter.draw(painter.layer.rollback());
      painter.last = null;
    };
    const common = { since: performance.now(), pen: event.pointerType === "pen", cancel };
    return { ...common, ...PAINTING[painter.tool](painter, event, erase) };
  }

  /** Takes the colour that is seen at the pointer, sketch included. */
  function picking(painter, event) {
    const { view } = painter;
    const pick = (one) => {
      const { x, y } = view.toPicture(one.clientX, one.clientY);
      if (x < 0 || y < 0 || x >= view.width || y >= view.height) return;
      const scratch = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      const [left, top] = [Math.floor(x), Math.floor(y)];
      scratch.drawImage(view.picture, left, top, 1, 1, 0, 0, 1, 1);
      scratch.drawImage(painter.tint.canvas, left, top, 1, 1, 0, 0, 1, 1);
      const [red, green, blue] = scratch.getImageData(0, 0, 1, 1).data;
      painter.dye(`#${((red << 16) | (green << 8) | blue).toString(16).padStart(6, "0")}`);
    };
    pick(event);
    return { move: pick, end: () => painter.choose("brush") };
  }

  function panning(painter) {
    const { view } = painter;
    view.frame.classList.add("sf-well-moving");
    return {
      move: (event, before) => view.move(event.clientX - before.clientX, event.clientY - before.clientY),
      end: () => view.frame.classList.remove("sf-well-moving"),
    };
  }

  /** Two fingers zoom and move. */
  function pinching(painter) {
    const pair = () => {
      const [a, b] = [...painter.pointers.values()];
      if (!b) return null;
      const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1;
      return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, apart };
    };
    let before = pair();
    const move = () => {
      const now = pair();
      if (!now) return;
      painter.view.zoom(now.apart / before.apart, before.x, before.y, now.x - before.x, now.y - before.y);
      before = now;
    };
    return { pinch: true, move, end: () => {} };
  }

  snowfox.gestures = { painting, picking, panning, pinching };
})();
