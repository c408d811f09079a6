// Sharing, in the Settings tab: begin, the link with its code and its time, who is here, stop.
(() => {
  "use strict";
  const sf = window.snowfox;
  const { h, icon } = sf;
  const hours = [1, 2, 4, 8, 24, 72];
  const title = (way) => (way === "gradio" ? "Gradio's relay" : way.startsWith("command:") ? way.slice(8).split(" ")[0].split("/").pop() : way);

  const pause = (count) => new Promise((done) => setTimeout(done, count));
  const clock = (left) => {
    const minutes = Math.ceil(left / 60);
    return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
  };
  const ago = (count) => (count < 60 ? "now" : `${Math.round(count / 60)} min ago`);

  function note(text, bad) {
    return text ? h("p", { class: `sf-note ${bad ? "sf-bad" : ""}`, role: "status" }, icon(bad ? "warn" : "info"), h("span", {}, text)) : null;
  }

  function choice(label, id, values, names, chosen) {
    const options = values.map((value, index) => h("option", { value, selected: value === chosen }, names[index]));
    return h("label", { for: id }, h("span", {}, label), h("select", { id, name: id }, ...options));
  }

  sf.place("share", (root) => {
    let told = null;
    let busy = "";
    let drawn = "";
    let seen = 0;

    async function ask(path, options, word) {
      busy = word;
      draw();
      try {
        told = await sf.ask(path, options);
        seen = Date.now();
      } catch (error) {
        told = { ...told, phase: "off", message: error.message };
      }
      busy = "";
      draw();
    }

    const begin = (event) => {
      event.preventDefault();
      const held = new FormData(event.target);
      const wish = { provider: held.get("share_way") ?? "", hours: Number(held.get("share_hours")), phrase: held.get("share_phrase").trim() };
      ask("share", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish) }, "Opening the link");
    };

    function off() {
      const ways = told?.providers ?? [];
      return [
        h("p", { class: "sf-faint" }, "Give friends a link to this page. They see their own pictures only: no settings, no models folder, none of your pictures. Yours are made first."),
        note(told?.message, true),
        h("form", { class: "sf-share-form", onsubmit: begin },
          ways.length > 1 ? choice("By", "share_way", ways, ways.map(title), ways[0]) : h("input", { type: "hidden", name: "share_way", value: ways[0] ?? "" }),
          choice("For", "share_hours", hours, hours.map((count) => (count === 1 ? "1 hour" : `${count} hours`)), 8),
          h("label", { for: "share_phrase" }, h("span", {}, "Pass phrase"), h("input", { id: "share_phrase", name: "share_phrase", type: "text", maxlength: 200, autocomplete: "off", placeholder: "None" })),
          h("button", { type: "submit", class: "sf-btn sf-ember", id: "share_begin", disabled: Boolean(busy) }, busy || "Share")),
        h("p", { class: "sf-faint" }, "What guests type and make passes through the computer of the company that carries the link."),
      ];
    }

    function guests() {
      if (!told.guests.length) return h("p", { class: "sf-faint" }, "Nobody is here yet.");
      const rows = told.guests.map((guest) =>
        h("li", {}, h("div", {}, h("b", {}, guest.name), h("small", {}, `${sf.plural(guest.made)}, here ${ago(guest.seen)}`)),
          sf.button("Show out", () => ask(`share/guests/${guest.number}`, { method: "DELETE" }, ""), { kind: "sf-sm" })));
      return h("ul", { class: "sf-list" }, ...rows);
    }

    function on() {
      const field = h("input", { type: "text", readonly: true, value: told.link, id: "share_link", "aria-label": "The link", onfocus: (event) => event.target.select() });
      const copy = sf.button("Copy", async () => { await navigator.clipboard.writeText(told.link); copy.lastChild.textContent = "Copied"; }, { name: "copy" });
      return [
        note(`Shared by ${told.provider}${told.phrase ? ", with a pass phrase" : ""}.`),
        h("div", { class: "sf-share-link" }, field, copy),
        h("img", { class: "sf-share-code", src: `api/v1/share/code?${told.link.length}-${told.link.slice(-8)}`, alt: "The link as a QR code", width: 180, height: 180 }),
        h("p", {}, "Ends in ", h("b", { "data-part": "left" }, clock(told.left))),
        guests(),
        sf.button(busy || "Stop sharing", () => ask("share", { method: "DELETE" }, "Stopping"), { name: "stop", kind: "sf-danger" }),
      ];
    }

    function draw() {
      const key = JSON.stringify([told && { ...told, left: 0, guests: told.guests?.map((guest) => ({ ...guest, seen: ago(guest.seen), came: 0 })) }, busy]);
      if (key === drawn) return;
      drawn = key;
      const body = told === null ? [] : told.phase === "on" ? on() : off();
      root.replaceChildren(h("h2", {}, "Share"), ...body.filter(Boolean));
    }

    async function look() {
      for (;;) {
        if (!busy && root.offsetParent !== null && Date.now() - seen > (told?.phase === "on" ? 2000 : 5000)) {
          try {
            const now = await sf.ask("share");
            if (!busy) told = now;
            seen = Date.now();
          } catch {
            // The program is away; the status above says so.
          }
          draw();
          const left = root.querySelector("[data-part=left]");
          if (left && told) left.textContent = clock(told.left);
        }
        await pause(500);
      }
    }
    look();
    return () => {};
  });
})();
