// A layer of pixels over a picture: what a step changed is kept tile by tile, so that undo goes by stroke.
// Nothing here reads pixels back from a canvas while painting, so every browser paints the same bytes.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const TILE = 128;
  const HISTORY_BYTES = 48 * 1024 * 1024;

  const rectOf = (left, top, right, bottom) => ({ x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) });

  function union(a, b) {
    if (!a || !a.width || !a.height) return b;
    if (!b || !b.width || !b.height) return a;
    const left = Math.min(a.x, b.x);
    const top = Math.min(a.y, b.y);
    return rectOf(left, top, Math.max(a.x + a.width, b.x + b.width), Math.max(a.y + a.height, b.y + b.height));
  }

  function isEven(pixels) {
    for (let at = 1; at < pixels.length; at++) if (pixels[at] !== pixels[0]) return false;
    return true;
  }

  /** `Pixels` is the kind of array that holds them. Kinds of layers say how a pixel is painted: put, same. */
  class Layer {
    constructor(width, height, Pixels) {
      this.width = width;
      this.height = height;
      this.data = new Pixels(width * height);
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

    /** Exchanges the tiles of a step with what the layer holds now; the same step then leads back. */
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
      const size = (step) => [...step.values()].reduce((sum, tile) => sum + (tile.byteLength ?? 8), 0);
      let total = this.done.reduce((sum, step) => sum + size(step), 0);
      while (total > HISTORY_BYTES && this.done.length > 1) total -= size(this.done.shift());
    }

    // ---- tiles

    tileRect(tile) {
      const x = (tile % this.columns) * TILE;
      const y = Math.floor(tile / this.columns) * TILE;
      return rectOf(x, y, Math.min(x + TILE, this.width), Math.min(y + TILE, this.height));
    }

    /** A tile's pixels, or one number when all are equal. */
    snapshot(tile) {
      const { x, y, width, height } = this.tileRect(tile);
      const copy = new this.data.constructor(width * height);
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

    /** Clips a rectangle to the layer and keeps the tiles under it for undo. */
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
          if (this.tiles.has(tile)) continue;
          this.tiles.set(tile, this.snapshot(tile));
          this.taken(tile);
        }
      }
      return rect;
    }

    /** A tile is about to be painted on for the first time in the open step. */
    taken() {}

    touchAll() {
      return this.touch(0, 0, this.width, this.height);
    }
  }

  snowfox.layer = { Layer, rectOf, union };
})();
