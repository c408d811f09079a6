// The mask itself: one byte a pixel, 255 = repaint. Strokes, boxes, lassos, undo by tile, a grey PNG.
// Nothing here reads pixels back from a canvas while painting, so every browser paints the same bytes.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const TILE = 128;
  const HISTORY_BYTES = 48 * 1024 * 1024;
  const BAND_ROWS = 256;

  const rectOf = (left, top, right, bottom) => ({ x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) });

  function union(a, b) {
    if (!a || !a.width || !a.height) return b;
    if (!b || !b.width || !b.height) return a;
    const left = Math.min(a.x, b.x);
    const top = Math.min(a.y, b.y);
    return rectOf(left, top, Math.max(a.x + a.width, b.x + b.width), Math.max(a.y + a.height, b.y + b.height));
  }

  class Mask {
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.data = new Uint8Array(width * height);
      this.columns = Math.ceil(width / TILE);
      this.tiles = null; // tile number -> what it held before the open step
      this.done = [];
      this.undone = [];
    }

    get whole() {
      return rectOf(0, 0, this.width, this.height);
    }

    // ---- steps: everything between begin() and commit() is undone at once

    begin() {
      this.tiles = new Map();
    }

    /** Closes the step; false when it changed nothing. */
    commit() {
      const changed = [...this.tiles].filter(([tile, before]) => this.differs(tile, before));
      this.tiles = null;
      if (!changed.length) return false;
      this.done.push(new Map(changed));
      this.undone = [];
      this.trim();
      return true;
    }

    rollback() {
      const step = this.tiles;
      this.tiles = null;
      return this.swap(step);
    }

    undo() {
      return this.travel(this.done, this.undone);
    }

    redo() {
      return this.travel(this.undone, this.done);
    }

    travel(from, to) {
      const step = from.pop();
      if (!step) return null;
      const rect = this.swap(step);
      to.push(step);
      return rect;
    }

    /** Exchanges the tiles of a step with what the mask holds now; the same step then leads back. */
    swap(step) {
      let touched = null;
      for (const [tile, saved] of step) {
        const now = this.snapshot(tile);
        this.restore(tile, saved);
        step.set(tile, now);
        touched = union(touched, this.tileRect(tile));
      }
      return touched;
    }

    trim() {
      const size = (step) => [...step.values()].reduce((sum, tile) => sum + (tile.length ?? 8), 0);
      let total = this.done.reduce((sum, step) => sum + size(step), 0);
      while (total > HISTORY_BYTES && this.done.length > 1) total -= size(this.done.shift());
    }

    // ---- tiles

    tileRect(tile) {
      const x = (tile % this.columns) * TILE;
      const y = Math.floor(tile / this.columns) * TILE;
      return rectOf(x, y, Math.min(x + TILE, this.width), Math.min(y + TILE, this.height));
    }

    /** A tile's bytes, or one number when all its bytes are equal. */
    snapshot(tile) {
      const { x, y, width, height } = this.tileRect(tile);
      const copy = new Uint8Array(width * height);
      for (let row = 0; row < height; row++) {
        const start = (y + row) * this.width + x;
        copy.set(this.data.subarray(start, start + width), row * width);
      }
      return isEven(copy) ? copy[0] : copy;
    }

    restore(tile, saved) {
      const { x, y, width, height } = this.tileRect(tile);
      for (let row = 0; row < height; row++) {
        const start = (y + row) * this.width + x;
        if (typeof saved === "number") this.data.fill(saved, start, start + width);
        else this.data.set(saved.subarray(row * width, (row + 1) * width), start);
      }
    }

    differs(tile, before) {
      const { x, y, width, height } = this.tileRect(tile);
      const even = typeof before === "number";
      for (let row = 0, from = 0; row < height; row++) {
        for (let at = (y + row) * this.width + x, end = at + width; at < end; at++, from++) {
          if (this.data[at] !== (even ? before : before[from])) return true;
        }
      }
      return false;
    }

    /** Clips a rectangle to the mask and keeps the tiles under it for undo. */
    touch(left, top, right, bottom) {
      const rect = rectOf(
        Math.max(0, Math.floor(left)),
        Math.max(0, Math.floor(top)),
        Math.min(this.width, Math.ceil(right)),
        Math.min(this.height, Math.ceil(bottom)),
      );
      if (!rect.width || !rect.height) return rect;
      const lastColumn = Math.floor((rect.x + rect.width - 1) / TILE);
      const lastRow = Math.floor((rect.y + rect.height - 1) / TILE);
      for (let row = Math.floor(rect.y / TILE); row <= lastRow; row++) {
        for (let column = Math.floor(rect.x / TILE); column <= lastColumn; column++) {
          const tile = row * this.columns + column;
          if (!this.tiles.has(tile)) this.tiles.set(tile, this.snapshot(tile));
        }
      }
      return rect;
    }

    // ---- painting; every function returns the rectangle that may have changed

    /** A round stroke between two points {x, y, r}; the width runs from one radius to the other. */
    segment(a, b, { soft = 0, erase = false }) {
      const reach = Math.max(a.r, b.r) + 0.5;
      const rect = this.touch(
        Math.min(a.x, b.x) - reach,
        Math.min(a.y, b.y) - reach,
        Math.max(a.x, b.x) + reach,
        Math.max(a.y, b.y) + reach,
      );
      for (let y = rect.y; y < rect.y + rect.height; y++) this.segmentRow(a, b, y, rect, reach, soft, erase);
      return rect;
    }

    segmentRow(a, b, y, rect, reach, soft, erase) {
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
      const { data } = this;
      for (let x = from, at = y * this.width + from; x < to; x++, at++) {
        const px = x + 0.5 - a.x;
        const along = square ? Math.min(1, Math.max(0, (px * dx + py * dy) / square)) : 0;
        const ex = px - along * dx;
        const ey = py - along * dy;
        const away = ex * ex + ey * ey;
        const edge = a.r + along * (b.r - a.r) + 0.5;
        if (away >= edge * edge) continue;
        const share = Math.min(1, (edge - Math.sqrt(away)) / ((edge - 0.5) * soft + 1));
        const value = Math.round(255 * (soft ? share * share * (3 - 2 * share) : share));
        if (erase) data[at] = Math.min(data[at], 255 - value);
        else data[at] = Math.max(data[at], value);
      }
    }

    box(left, top, right, bottom, erase) {
      const rect = this.touch(Math.round(left), Math.round(top), Math.round(right), Math.round(bottom));
      for (let y = rect.y; y < rect.y + rect.height; y++) {
        const start = y * this.width + rect.x;
        this.data.fill(erase ? 0 : 255, start, start + rect.width);
      }
      return rect;
    }

    /** A closed outline, filled wherever it winds around; smooth edges from four lines a pixel row. */
    lasso(points, erase) {
      const xs = points.map((point) => point.x);
      const ys = points.map((point) => point.y);
      const rect = this.touch(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
      const row = new Float32Array(rect.width);
      for (let y = rect.y; y < rect.y + rect.height; y++) {
        row.fill(0);
        for (let line = 0; line < 4; line++) addSpans(row, rect.x, spans(points, y + (line + 0.5) / 4));
        for (let x = 0, at = y * this.width + rect.x; x < rect.width; x++, at++) {
          const value = Math.round(255 * Math.min(1, row[x]));
          this.data[at] = erase ? Math.min(this.data[at], 255 - value) : Math.max(this.data[at], value);
        }
      }
      return rect;
    }

    fill(value) {
      this.touch(0, 0, this.width, this.height);
      this.data.fill(value);
      return this.whole;
    }

    invert() {
      const { data } = this;
      this.touch(0, 0, this.width, this.height);
      for (let at = 0; at < data.length; at++) data[at] = 255 - data[at];
      return this.whole;
    }

    load(bytes) {
      this.touch(0, 0, this.width, this.height);
      this.data.set(bytes);
      return this.whole;
    }

    // ---- reading

    /** How much is painted, 0..1. */
    painted() {
      const { data } = this;
      let sum = 0;
      for (let at = 0; at < data.length; at++) sum += data[at];
      return sum / (255 * data.length);
    }

    /** An 8-bit grey PNG of the mask as it is now. */
    async png() {
      const data = this.data.slice();
      const deflate = new CompressionStream("deflate");
      const packed = new Response(deflate.readable).arrayBuffer();
      const writer = deflate.writable.getWriter();
      for (let y = 0; y < this.height; y += BAND_ROWS) {
        await writer.write(filtered(data, this.width, y, Math.min(this.height, y + BAND_ROWS)));
        await new Promise((resume) => setTimeout(resume)); // the next stroke must not wait for this
      }
      await writer.close();
      const header = new DataView(new ArrayBuffer(13));
      header.setUint32(0, this.width);
      header.setUint32(4, this.height);
      header.setUint8(8, 8); // bits; the rest 0: grey, deflate, adaptive filters, not interlaced
      const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
      const head = chunk("IHDR", new Uint8Array(header.buffer));
      const body = chunk("IDAT", new Uint8Array(await packed));
      return new Blob([signature, head, body, chunk("IEND", new Uint8Array())], { type: "image/png" });
    }
  }

  function isEven(bytes) {
    for (let at = 1; at < bytes.length; at++) if (bytes[at] !== bytes[0]) return false;
    return true;
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

  /** PNG rows with the "up" filter: an even mask turns into zeros and packs to almost nothing. */
  function filtered(data, width, top, bottom) {
    const out = new Uint8Array((width + 1) * (bottom - top));
    let to = 0;
    for (let y = top; y < bottom; y++) {
      out[to++] = 2;
      for (let at = y * width; at < (y + 1) * width; at++) out[to++] = y ? data[at] - data[at - width] : data[at];
    }
    return out;
  }

  const CRC = Uint32Array.from({ length: 256 }, (_, number) => {
    let value = number;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });

  function chunk(name, body) {
    const out = new Uint8Array(12 + body.length);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
    out.set(body, 8);
    let crc = 0xffffffff;
    for (let at = 4; at < 8 + body.length; at++) crc = CRC[(crc ^ out[at]) & 255] ^ (crc >>> 8);
    view.setUint32(8 + body.length, ~crc >>> 0);
    return out;
  }

  /** Reads a mask picture: its alpha when it has any, else its brightness; scaled to the wanted size. */
  async function readMask(blob, width, height) {
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const size = { width: bitmap.width, height: bitmap.height };
    const scratch = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    scratch.imageSmoothingQuality = "high";
    scratch.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const { data } = scratch.getImageData(0, 0, width, height);
    const bytes = new Uint8Array(width * height);
    let clear = false;
    for (let at = 3; at < data.length && !clear; at += 4) clear = data[at] < 255;
    for (let at = 0, from = 0; at < bytes.length; at++, from += 4) {
      bytes[at] = clear ? data[from + 3] : Math.round(0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2]);
    }
    return { bytes, size };
  }

  snowfox.mask = { Mask, readMask, union };
})();
