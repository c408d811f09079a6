// What is seen: the sheet (picture and layers) inside its frame, zoomed and moved; layers made visible.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, svg } = snowfox.wellParts;
  const MAX_SCALE = 32;

  class View {
    constructor(label) {
      this.picture = el("img", { class: "sf-well-picture", alt: label, draggable: "false" });
      this.sheet = el("div", { class: "sf-well-sheet" }, this.picture);
      this.frame = el("div", { class: "sf-well-frame" }, this.sheet);
      this.width = this.height = this.scale = 1;
      this.x = this.y = 0; // of the picture's corner within the frame
      this.around = { left: 0, top: 0, right: 0, bottom: 0 }; // what the picture is to be extended by
      this.fitted = true;
      this.rim = 0;
      this.onchange = () => {};
      new ResizeObserver(() => this.resized()).observe(this.frame);
    }

    open(url, width, height) {
      this.width = width;
      this.height = height;
      this.picture.src = url;
      this.sheet.style.width = `${width}px`;
      this.sheet.style.height = `${height}px`;
      this.fit();
    }

    resized() {
      if (this.fitted) this.fit();
      else this.apply();
    }

    get extent() {
      const { left, top, right, bottom } = this.around;
      return { width: this.width + left + right, height: this.height + top + bottom };
    }

    get fitScale() {
      const { width, height } = this.extent;
      return Math.min((this.frame.clientWidth - this.rim) / width, (this.frame.clientHeight - this.rim) / height) || 1;
    }

    /** Room left free around the picture when it is fitted. */
    leave(rim) {
      this.rim = rim;
      if (this.fitted) this.fit();
      else this.apply();
    }

    fit() {
      this.fitted = true;
      this.scale = this.fitScale;
      this.apply();
    }

    /** Zooms so that the point of the picture under (clientX, clientY) stays there, or moves by (dx, dy). */
    zoom(factor, clientX, clientY, dx = 0, dy = 0) {
      const lowest = Math.min(1, this.fitScale);
      const scale = Math.min(MAX_SCALE, Math.max(lowest, this.scale * factor));
      const box = this.frame.getBoundingClientRect();
      const px = (clientX ?? box.left + box.width / 2) - box.left;
      const py = (clientY ?? box.top + box.height / 2) - box.top;
      this.x = px + dx - ((px - this.x) * scale) / this.scale;
      this.y = py + dy - ((py - this.y) * scale) / this.scale;
      this.scale = scale;
      this.fitted = Math.abs(scale - this.fitScale) < 1e-6;
      this.apply();
    }

    move(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.apply();
    }

    /** Centres the picture while all of it is seen; closer up, its edges stay beyond the middle of the frame. */
    apply() {
      const close = this.scale > this.fitScale * 1.0001;
      const place = (at, room, size) => (close ? Math.min(room / 2, Math.max(room / 2 - size, at)) : (room - size) / 2);
      const { width, height } = this.extent;
      const [left, top] = [this.around.left * this.scale, this.around.top * this.scale];
      this.x = left + place(this.x - left, this.frame.clientWidth, width * this.scale);
      this.y = top + place(this.y - top, this.frame.clientHeight, height * this.scale);
      this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
      this.sheet.classList.toggle("sf-well-grain", this.scale >= 4 && !this.fitted);
      this.onchange();
    }

    toPicture(clientX, clientY) {
      const box = this.frame.getBoundingClientRect();
      return { x: (clientX - box.left - this.x) / this.scale, y: (clientY - box.top - this.y) / this.scale };
    }

    toFrame({ x, y }) {
      return { x: x * this.scale + this.x, y: y * this.scale + this.y };
    }
  }

  /** The mask made visible: only the rectangle that changed is drawn again. */
  class Overlay {
    constructor() {
      this.canvas = el("canvas", { class: "sf-well-mask" });
      this.context = this.canvas.getContext("2d");
      this.mask = null;
      this.colour("#3ce8be");
    }

    open(mask) {
      this.mask = mask;
      this.canvas.width = mask.width;
      this.canvas.height = mask.height;
      this.period = Math.max(6, Math.round(Math.max(mask.width, mask.height) / 110));
      this.draw(mask.whole);
    }

    /** Two tables from mask value to pixel: the colour, and the darker lines of the hatching. */
    colour(hex) {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
      const table = (shade, alpha) => {
        const pixel = new Uint8ClampedArray(4);
        return Uint32Array.from({ length: 256 }, (_, value) => {
          pixel.set([red * shade, green * shade, blue * shade, value * alpha]);
          return new Uint32Array(pixel.buffer)[0];
        });
      };
      this.plain = table(1, 0.82);
      this.hatch = table(0.3, 0.9);
      if (this.mask) this.draw(this.mask.whole);
    }

    draw(rect) {
      if (!rect || !rect.width || !rect.height) return;
      const image = this.context.createImageData(rect.width, rect.height);
      const pixels = new Uint32Array(image.data.buffer);
      const { data, width } = this.mask;
      const line = Math.max(2, Math.round(this.period / 3.5));
      for (let row = 0, to = 0; row < rect.height; row++) {
        const y = rect.y + row;
        let at = y * width + rect.x;
        let phase = (rect.x + y) % this.period;
        for (let column = 0; column < rect.width; column++) {
          const value = data[at++];
          if (value) pixels[to] = phase < line ? this.hatch[value] : this.plain[value];
          to++;
          if (++phase === this.period) phase = 0;
        }
      }
      this.context.putImageData(image, rect.x, rect.y);
    }
  }

  /** The sketch made visible, as it will be laid over the picture. */
  class Tint {
    constructor() {
      this.canvas = el("canvas", { class: "sf-well-sketch" });
      this.context = this.canvas.getContext("2d");
      this.sketch = null;
    }

    open(sketch) {
      this.sketch = sketch;
      this.canvas.width = sketch.width;
      this.canvas.height = sketch.height;
    }

    draw(rect) {
      if (!rect || !rect.width || !rect.height) return;
      const image = this.context.createImageData(rect.width, rect.height);
      const pixels = new Uint32Array(image.data.buffer);
      const { data, width } = this.sketch;
      for (let row = 0; row < rect.height; row++) {
        const start = (rect.y + row) * width + rect.x;
        pixels.set(data.subarray(start, start + rect.width), row * rect.width);
      }
      this.context.putImageData(image, rect.x, rect.y);
    }
  }

  /** Dashed outline of a box or lasso while it is being drawn. */
  class Guide {
    constructor() {
      this.lines = [svg("path", { class: "sf-well-guide-under" }), svg("path", { class: "sf-well-guide-over" })];
      this.node = svg("svg", { class: "sf-well-guide", "aria-hidden": "true" }, ...this.lines);
    }

    show(points) {
      const path = points.length ? `M${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z` : "";
      for (const line of this.lines) line.setAttribute("d", path);
    }
  }

  snowfox.wellView = { View, Overlay, Tint, Guide };
})();
