// Shapes painted into a layer: strokes, boxes, lassos, filled areas. Each gives the rectangle that may have changed.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});

  /** A round stroke between two points {x, y, r}; the width runs from one radius to the other. */
  function segment(layer, a, b, { soft = 0, erase = false }) {
    const reach = Math.max(a.r, b.r) + 0.5;
    const rect = layer.touch(
      Math.min(a.x, b.x) - reach,
      Math.min(a.y, b.y) - reach,
      Math.max(a.x, b.x) + reach,
      Math.max(a.y, b.y) + reach,
    );
    for (let y = rect.y; y < rect.y + rect.height; y++) segmentRow(layer, a, b, y, rect, reach, soft, erase);
    return rect;
  }

  function segmentRow(layer, a, b, y, rect, reach, soft, erase) {
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const square = dx * dx + dy * dy;
    const py = y + 0.5 - a.y;
    let from = rect.x;
    let to = rect.x + rect.width;
    if (Math.abs(dy) > 1e-6) {
      const centre = a.x + (dx * py) / dy;
      const half = (reach * Math.sqrt(square)) / Math.abs(dy);
      from = Math.max(from, Math.floor(centre - half));
      to = Math.min(to, Math.ceil(centre + half));
    }
    for (let x = from, at = y * layer.width + from; x < to; x++, at++) {
      const px = x + 0.5 - a.x;
      const along = square ? Math.min(1, Math.max(0, (px * dx + py * dy) / square)) : 0;
      const ex = px - along * dx;
      const ey = py - along * dy;
      const away = ex * ex + ey * ey;
      const edge = a.r + along * (b.r - a.r) + 0.5;
      if (away >= edge * edge) continue;
      const share = Math.min(1, (edge - Math.sqrt(away)) / ((edge - 0.5) * soft + 1));
      layer.put(at, Math.round(255 * (soft ? share * share * (3 - 2 * share) : share)), erase);
    }
  }

  function box(layer, left, top, right, bottom, erase) {
    const rect = layer.touch(Math.round(left), Math.round(top), Math.round(right), Math.round(bottom));
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      const start = y * layer.width + rect.x;
      for (let at = start; at < start + rect.width; at++) layer.put(at, 255, erase);
    }
    return rect;
  }

  /** A closed outline, filled wherever it winds around; smooth edges from four lines a pixel row. */
  function lasso(layer, points, erase) {
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const rect = layer.touch(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
    const row = new Float32Array(rect.width);
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      row.fill(0);
      for (let line = 0; line < 4; line++) addSpans(row, rect.x, spans(points, y + (line + 0.5) / 4));
      for (let x = 0, at = y * layer.width + rect.x; x < rect.width; x++, at++) {
        const value = Math.round(255 * Math.min(1, row[x]));
        if (value) layer.put(at, value, erase);
      }
    }
    return rect;
  }

  /** The inside of an outline on one horizontal line, as [from, to] pairs. */
  function spans(points, y) {
    const crossings = [];
    for (let i = 0; i < points.length; i++) {
      const a = points[i];
      const b = points[(i + 1) % points.length];
      if (a.y <= y === b.y <= y) continue;
      crossings.push([a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x), a.y < b.y ? 1 : -1]);
    }
    crossings.sort((a, b) => a[0] - b[0]);
    const found = [];
    let winding = 0;
    for (let i = 0; i + 1 < crossings.length; i++) {
      winding += crossings[i][1];
      if (winding) found.push([crossings[i][0], crossings[i + 1][0]]);
    }
    return found;
  }

  function addSpans(row, left, found) {
    for (const [from, to] of found) {
      const start = Math.max(0, from - left);
      const end = Math.min(row.length, to - left);
      for (let x = Math.floor(start); x < end; x++) row[x] += Math.max(0, Math.min(end, x + 1) - Math.max(start, x)) / 4;
    }
  }

  /** The area around a point up to where the layer changes, and a pixel more: edges of strokes are soft. */
  function flood(layer, { x, y }, erase) {
    const column = Math.floor(x);
    const line = Math.floor(y);
    if (column < 0 || line < 0 || column >= layer.width || line >= layer.height) return layer.touch(0, 0, 0, 0);
    const { inside, left, top, right, bottom } = connected(layer, line * layer.width + column);
    const rect = layer.touch(left - 1, top - 1, right + 2, bottom + 2);
    for (let row = rect.y; row < rect.y + rect.height; row++) {
      for (let at = row * layer.width + rect.x, end = at + rect.width; at < end; at++) {
        if (inside[at] || beside(inside, at, layer)) layer.put(at, 255, erase);
      }
    }
    return rect;
  }

  function beside(inside, at, { width }) {
    const column = at % width;
    return (column > 0 && inside[at - 1]) || (column < width - 1 && inside[at + 1]) || inside[at - width] || inside[at + width];
  }

  /** Every pixel that can be reached from `start` over pixels that are like it, and their bounds. */
  function connected(layer, start) {
    const { width, height } = layer;
    const like = layer.same(start);
    const inside = new Uint8Array(width * height);
    const found = { inside, left: width, top: height, right: -1, bottom: -1 };
    const seeds = [start];
    while (seeds.length) {
      let at = seeds.pop();
      if (inside[at] || !like(at)) continue;
      const y = Math.floor(at / width);
      const first = y * width;
      while (at > first && like(at - 1) && !inside[at - 1]) at--;
      found.left = Math.min(found.left, at - first);
      let above = false;
      let below = false;
      for (; at < first + width && like(at) && !inside[at]; at++) {
        inside[at] = 1;
        const up = y > 0 && !inside[at - width] && like(at - width);
        const down = y < height - 1 && !inside[at + width] && like(at + width);
        if (up && !above) seeds.push(at - width);
        if (down && !below) seeds.push(at + width);
        above = up;
        below = down;
      }
      found.right = Math.max(found.right, at - 1 - first);
      found.top = Math.min(found.top, y);
      found.bottom = Math.max(found.bottom, y);
    }
    return found;
  }

  snowfox.shapes = { segment, box, lasso, flood };
})();
