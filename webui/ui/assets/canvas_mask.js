// The mask: one byte a pixel, 255 = repaint.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { Layer } = snowfox.layer;
  const { edges } = snowfox;

  class Mask extends Layer {
    constructor(width, height) {
      super(width, height, Uint8Array);
    }

    put(at, coverage, erase) {
      const { data } = this;
      if (erase) data[at] = Math.min(data[at], 255 - coverage);
      else data[at] = Math.max(data[at], coverage);
    }

    /** Tells of a pixel whether it is painted as the one at `start` is. */
    same(start) {
      const { data } = this;
      const painted = data[start] >= 128;
      return (at) => data[at] >= 128 === painted;
    }

    fill(value) {
      const rect = this.touchAll();
      this.data.fill(value);
      return rect;
    }

    invert() {
      const rect = this.touchAll();
      const { data } = this;
      for (let at = 0; at < data.length; at++) data[at] = 255 - data[at];
      return rect;
    }

    load(bytes) {
      const rect = this.touchAll();
      this.data.set(bytes);
      return rect;
    }

    /** kind: grow, shrink or feather, by so many pixels. */
    edge(kind, pixels) {
      const rect = this.touchAll();
      edges[kind](this.data, this.width, this.height, pixels);
      return rect;
    }
  }

  snowfox.Mask = Mask;
})();
