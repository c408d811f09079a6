// What is painted, as the server has it: sent a moment after each step, fetched again after a reload.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { upload, download } = snowfox.wellStore;
  const { encode, readMask, readSketch } = snowfox.png;
  const SAVE_AFTER_MS = 400;

  class Draft {
    /** `sent` is called when the server has what is painted, `failed` with the error when it could not be sent. */
    constructor(painter, sent, failed) {
      this.painter = painter;
      this.sent = sent;
      this.failed = failed;
      this.sending = null;
      this.turn = 0; // grows with every picture, so that late answers are dropped
      this.open();
    }

    /** For another picture: the refs of its layers, "" for an empty one. */
    open({ mask = "", sketch = "" } = {}) {
      clearTimeout(this.timer);
      this.turn++;
      this.mask = mask;
      this.sketch = sketch;
      this.dirty = false;
    }

    /** Something was painted. */
    touch() {
      this.dirty = true;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save().catch(this.failed), SAVE_AFTER_MS);
    }

    /** Sends what is painted until the server has what is on the screen. */
    async save() {
      clearTimeout(this.timer);
      while (this.dirty) {
        this.sending ??= this.send().finally(() => (this.sending = null));
        await this.sending;
      }
      await this.sending;
    }

    async send() {
      const { turn } = this;
      this.dirty = false;
      try {
        const refs = await this.upload();
        if (turn !== this.turn) return;
        Object.assign(this, refs);
        this.sent();
      } catch (error) {
        if (turn !== this.turn) return;
        this.dirty = true;
        throw error;
      }
    }

    async upload() {
      const { painter } = this;
      const { width, height } = painter.sketch;
      const stored = async (bytes, channels) => (await upload(await encode(bytes, width, height, channels))).ref;
      const mask = painter.share > 0 ? stored(painter.painted, 1) : "";
      const sketch = painter.sketch.empty ? "" : stored(painter.sketch.bytes, 4);
      const [first, second] = await Promise.all([mask, sketch]);
      return { mask: first, sketch: second };
    }

    /** Fills the painter's empty layers from the server; what the server has forgotten is forgotten here too. */
    async restore() {
      const { turn, painter } = this;
      const { width, height } = painter.sketch;
      const read = async (ref, reader) => {
        const blob = ref ? await download(ref) : null;
        return blob ? reader(blob, width, height).catch(() => null) : null;
      };
      const [sketch, mask] = await Promise.all([read(this.sketch, readSketch), read(this.mask, readMask)]);
      if (turn !== this.turn || this.dirty || this.sending || painter.trail.length) return; // painted on meanwhile
      if (!sketch) this.sketch = "";
      if (!mask) this.mask = "";
      if (sketch) painter.fill(painter.sketch, sketch);
      if (mask && painter.mask) painter.fill(painter.mask, withoutColours(mask.bytes, sketch));
    }
  }

  /** What was painted as mask alone, of a mask that counts the sketch as well. */
  function withoutColours(bytes, sketch) {
    return sketch ? bytes.map((value, at) => (value > sketch[at] >>> 24 ? value : 0)) : bytes;
  }

  snowfox.Draft = Draft;
})();
