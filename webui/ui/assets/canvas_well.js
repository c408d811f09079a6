// The picture well: open, drop, upload, remember, and tell the page. A Painter paints over its picture.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const { el, icon, button, picker } = snowfox.wellParts;
  const { upload, inputUrl, loaded, memory, fillTextbox } = snowfox.wellStore;
  const { readMask } = snowfox.png;
  const { scene, hints } = snowfox.wellScene;
  const INVITATION = "Drop a picture here, or paste one";

  const some = (...nodes) => nodes.filter(Boolean);

  class Well {
    /** masked: what is painted is a mask; else a sketch over the picture. */
    constructor(prefix, masked) {
      this.prefix = prefix;
      this.masked = masked;
      this.image = null; // {ref, width, height}
      this.turn = 0; // grows with every picture, so that late answers are dropped
      this.build();
      this.show();
      this.ready = this.restore();
    }

    build() {
      this.view = new snowfox.wellView.View("Picture to change");
      this.painter = new snowfox.Painter(this.view, this.masked, () => this.painted());
      this.draft = new snowfox.Draft(this.painter, () => this.sent(), (error) => this.say(error.message));
      this.imageInput = picker((file) => this.accept(file));
      this.maskInput = picker((file) => this.acceptMask(file));
      this.actions = this.buildActions();
      this.empty = this.buildEmpty();
      this.view.frame.append(this.empty);
      this.message = el("p", { class: "sf-well-message", role: "alert", hidden: true });
      this.note = el("p", { class: "sf-well-note", role: "status", hidden: true });
      this.foot = this.buildFoot();
      const { node, below, plate, lookPanel } = this.painter.toolbar;
      const plates = el("div", { class: "sf-well-plates" }, plate, this.actions);
      const stage = el("div", { class: "sf-well-stage" }, this.view.frame, plates, ...some(lookPanel));
      const card = el("div", { class: "sf-well-card" }, node, ...below, stage);
      this.root = el("div", { class: "sf-well" }, card, this.message, this.note, this.foot, this.imageInput, this.maskInput);
      this.listen();
    }

    buildActions() {
      const hint = "Use a black and white picture as mask. White is painted.";
      return el("div", { class: "sf-well-plate sf-well-actions", role: "group", "aria-label": "Picture" },
        button("open", "Open", { text: true, onclick: () => this.imageInput.click() }),
        ...some(this.masked && button("upload", "Mask", { text: true, hint, onclick: () => this.maskInput.click() })),
        button("close", "Remove picture", { onclick: () => this.remove() }));
    }

    buildEmpty() {
      const open = button("open", "Open", { text: true, kind: "sf-well-button", onclick: () => this.imageInput.click() });
      this.emptyText = el("p", {}, INVITATION);
      return el("div", { class: "sf-well-empty" }, scene(), icon("picture"), this.emptyText, open);
    }

    buildFoot() {
      this.readout = el("span");
      this.share = el("b");
      const share = some(this.masked && el("span", {}, "Painted: ", this.share));
      return el("p", { class: "sf-well-foot" }, ...share, this.readout, ...hints());
    }

    listen() {
      const { root } = this;
      root.addEventListener("dragover", (event) => {
        event.preventDefault();
        root.classList.add("sf-well-over");
      });
      root.addEventListener("dragleave", (event) => {
        if (!root.contains(event.relatedTarget)) root.classList.remove("sf-well-over");
      });
      root.addEventListener("drop", (event) => {
        event.preventDefault();
        root.classList.remove("sf-well-over");
        this.dropped(event.dataTransfer);
      });
    }

    async dropped(transfer) {
      if (transfer.files.length) return this.accept(transfer.files[0]);
      const link = transfer.getData("text/uri-list").split("\n")[0];
      if (!link || new URL(link, location.href).origin !== location.origin) return this.say("Only a picture can be dropped here.");
      const answer = await fetch(link).catch(() => null);
      if (!answer?.ok) return this.say("This picture could not be read.");
      return this.accept(await answer.blob());
    }

    // ---- what is shown

    say(sentence = "", kind = this.message) {
      for (const line of [this.message, this.note]) {
        line.textContent = line === kind ? sentence : "";
        line.hidden = !line.textContent;
      }
    }

    show() {
      const has = this.image !== null;
      this.root.dataset.state = has ? "open" : "empty";
      this.empty.hidden = has;
      this.actions.hidden = this.view.sheet.hidden = !has;
      this.foot.hidden = !has;
      this.painter.toolbar.enable(has);
      this.painter.refresh();
      this.tell();
    }

    /** The words that follow what is painted. */
    tell() {
      const { width, height } = this.view.extent;
      this.readout.textContent = this.image ? `${width} × ${height}` : "";
      const keys = "Arrow keys move the brush, Enter paints.";
      let label = `Sketch. Paint colours over the picture. ${keys}`;
      if (this.masked) {
        const share = this.painter.share;
        this.share.textContent = share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;
        label = `Mask. Paint the area to change. ${this.share.textContent} is painted. ${keys}`;
      }
      this.painter.surface.setAttribute("aria-label", label);
    }

    busy(working) {
      clearTimeout(this.patience);
      this.root.setAttribute("aria-busy", String(working));
      const wait = () => (this.emptyText.textContent = "Reading the picture");
      if (working) this.patience = setTimeout(wait, 300);
      else this.emptyText.textContent = INVITATION;
    }

    // ---- the picture

    async accept(file) {
      const turn = ++this.turn;
      this.say();
      this.busy(true);
      try {
        const { ref, notes = [] } = await upload(file);
        if (turn === this.turn) await this.use(ref, { turn });
        if (turn === this.turn) this.say(notes.join(" "), this.note);
      } catch (error) {
        if (turn === this.turn) this.say(error.message);
      } finally {
        if (turn === this.turn) this.busy(false);
      }
    }

    /**
     * Shows a picture that the server has. kept: what belongs to it when all is restored, {mask, sketch, extend};
     * given: its size and settings come from elsewhere; same: a picture of the same size keeps what is painted.
     */
    async use(ref, { turn = ++this.turn, kept = null, given = false, same = false } = {}) {
      const size = await loaded(inputUrl(ref)).catch(() => {
        throw new Error("This picture is not there any more.");
      });
      if (turn !== this.turn) return;
      const stays = same && this.image?.width === size.width && this.image.height === size.height;
      this.image = { ref, ...size };
      if (!stays) this.open(size, kept ?? {});
      this.show();
      this.view.frame.style.setProperty("--sf-well-tall", (size.height / size.width).toFixed(4));
      this.view.open(inputUrl(ref), size.width, size.height);
      const painted = this.draft.mask || this.draft.sketch || this.draft.dirty;
      this.say(stays && painted ? "What you painted was kept." : "", this.note);
      this.publish({ restored: kept !== null, given });
    }

    /** A stored picture with what belongs to it, as its settings tell. */
    async bring(ref, kept) {
      const turn = ++this.turn;
      await this.use(ref, { turn, kept, given: true });
      await this.restoreLayers(turn);
    }

    open({ width, height }, { mask, sketch, extend }) {
      this.draft.open({ mask, sketch });
      [this.view.width, this.view.height] = [width, height];
      this.painter.open(width, height);
      if (this.painter.extend) this.painter.extend.words = extend;
    }

    remove() {
      this.turn++;
      this.image = null;
      this.draft.open();
      this.painter.close();
      this.view.picture.removeAttribute("src");
      this.say();
      this.show();
      this.publish();
      this.empty.querySelector("button").focus();
    }

    /** Tells the page. exact: the size is to be taken as it is, for the picture is extended; given: it is known. */
    publish({ restored = false, given = false } = {}) {
      this.keep();
      const { width, height } = this.image ? this.view.extent : { width: 0, height: 0 };
      const detail = { target: this.prefix, ref: this.image?.ref ?? "", width, height, restored };
      if (given) detail.given = true;
      if (this.painter.extend?.any) detail.exact = true;
      document.dispatchEvent(new CustomEvent("snowfox:well", { detail }));
    }

    keep() {
      memory.write(this.prefix, this.refs());
      this.fill();
    }

    refs() {
      const { mask, sketch } = this.draft;
      return { image: this.image?.ref ?? "", mask, sketch, extend: this.painter.extend?.words ?? "" };
    }

    fill() {
      const { image, mask, sketch, extend } = this.refs();
      fillTextbox(`${this.prefix}_image_ref`, image);
      fillTextbox(`${this.prefix}_sketch_ref`, sketch);
      fillTextbox(`${this.prefix}_mask_ref`, mask);
      const sides = extend ? extend.split(",") : ["0", "0", "0", "0"];
      ["left", "top", "right", "bottom"].forEach((side, at) => fillTextbox(`${this.prefix}_extend_${side}`, sides[at]));
    }

    /** After a reload: the picture and what was painted; what the server has forgotten is forgotten here too. */
    async restore() {
      const { image, given = false, ...kept } = memory.read(this.prefix);
      if (!image) return;
      const turn = ++this.turn;
      try {
        await this.use(image, { turn, kept, given });
      } catch {
        if (turn === this.turn) memory.write(this.prefix, {});
        return;
      }
      await this.restoreLayers(turn);
    }

    async restoreLayers(turn) {
      if (turn !== this.turn) return;
      await this.draft.restore();
      if (turn !== this.turn) return;
      this.tell();
      this.keep();
    }

    // ---- what is painted

    async acceptMask(file) {
      const { width, height } = this.image;
      const read = await readMask(file, width, height).catch(() => null);
      if (!read) return this.say("This file is not a picture that can be read.");
      const { size } = read;
      const fits = size.width === width && size.height === height;
      this.say(fits ? "" : `The mask was ${size.width} × ${size.height} and has been fitted to ${width} × ${height}.`, this.note);
      this.painter.paint("mask");
      this.painter.step((mask) => mask.load(read.bytes));
    }

    /** A step is finished, or the frame to extend to has changed. */
    painted() {
      this.tell();
      if (this.painter.extend && this.painter.extend.words !== (memory.read(this.prefix).extend ?? "")) this.publish();
      this.draft.touch();
    }

    sent() {
      this.keep();
      this.say(this.note.textContent, this.note); // an earlier failure is over
    }

    async flush() {
      await this.ready;
      await this.draft.save();
      this.fill();
      return this.refs();
    }

    // ---- page

    attach(host) {
      if (this.root.parentNode !== host) host.replaceChildren(this.root);
      this.fill();
    }

    get seen() {
      return this.root.isConnected && this.root.checkVisibility();
    }

    get attended() {
      return this.seen && (this.root.contains(document.activeElement) || this.root.matches(":hover"));
    }
  }

  snowfox.Well = Well;
})();
