// The sketch: colours laid over the picture, four bytes a pixel (red, green, blue, opacity).
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { Layer } = snowfox.layer;

  class Sketch extends Layer {
    constructor(width, height) {
      super(width, height, Uint32Array);
      this.base = null; // as touched tiles were before the open step
      this.cover = null; // how much the open step has painted of each pixel: a stroke does not pile up on itself
      this.filled = false;
      this.ink("#e0453a", 1);
    }

    /** The colour of the next step; opacity 0..1. */
    ink(hex, opacity) {
      this.rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
      this.opacity = opacity;
    }

    /** Whether nothing was ever painted here. */
    get untouched() {
      return this.base === null && !this.filled;
    }

    begin() {
      super.begin();
      this.base ??= new Uint32Array(this.data.length);
      this.cover ??= new Uint8Array(this.data.length);
    }

    taken(tile) {
      const { x, y, width, height } = this.tileRect(tile);
      for (let row = y; row < y + height; row++) {
        const start = row * this.width + x;
        this.base.set(this.data.subarray(start, start + width), start);
        this.cover.fill(0, start, start + width);
      }
    }

    put(at, coverage, erase) {
      if (coverage <= this.cover[at]) return;
      this.cover[at] = coverage;
      const before = this.base[at];
      const held = (before >>> 24) / 255;
      const share = erase ? coverage / 255 : (coverage / 255) * this.opacity;
      const alpha = erase ? held * (1 - share) : share + held * (1 - share);
      const opaque = Math.round(255 * alpha);
      if (!opaque) this.data[at] = 0;
      else if (erase) this.data[at] = ((opaque << 24) | (before & 0xffffff)) >>> 0;
      else this.data[at] = this.mixed(before, share / alpha, opaque);
    }

    /** The ink over what was there, the ink's part being `part` of the colour. */
    mixed(before, part, opaque) {
      const [red, green, blue] = this.rgb;
      const mix = (ink, below) => Math.round(ink * part + below * (1 - part));
      const low = mix(red, before & 255) | (mix(green, (before >>> 8) & 255) << 8) | (mix(blue, (before >>> 16) & 255) << 16);
      return ((opaque << 24) | low) >>> 0;
    }

    /** Tells of a pixel whether it has the colour of the one at `start`; all that is clear is alike. */
    same(start) {
      const { data } = this;
      const clear = data[start] >>> 24 < 128;
      const colour = data[start] & 0xffffff;
      return (at) => (clear ? data[at] >>> 24 < 128 : data[at] >>> 24 >= 128 && (data[at] & 0xffffff) === colour);
    }

    clear() {
      const rect = this.touchAll();
      this.data.fill(0);
      return rect;
    }

    load(pixels) {
      this.data.set(pixels);
      this.filled = true;
    }

    get empty() {
      return this.untouched || this.data.every((pixel) => !pixel);
    }

    get bytes() {
      return new Uint8Array(this.data.buffer);
    }
  }

  snowfox.Sketch = Sketch;
})();
