// The panel of one answer: the picture, the reply as it came, how it was read, and what was asked.

const FIRST_CHARACTERS = 20000;

class Detail {
  constructor(store) {
    this.store = store;
    this.dialog = byId("detail");
    this.rows = [];
    this.place = 0;
    this.done = () => {};
    byId("detail-close").addEventListener("click", () => this.dialog.close());
    byId("detail-previous").addEventListener("click", () => this.step(-1));
    byId("detail-next").addEventListener("click", () => this.step(1));
    this.dialog.addEventListener("close", () => this.done(this.rows[this.place]));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("keydown", (event) => {
      if (event.target.closest("pre, select, input")) return;
      if (event.key === "ArrowLeft") this.step(-1);
      if (event.key === "ArrowRight") this.step(1);
    });
  }

  /** Show a row, one of `rows`; `done` is called with the last row shown. */
  open(row, rows, done = () => {}) {
    this.rows = rows;
    this.place = Math.max(0, rows.indexOf(row));
    this.done = done;
    this.draw();
    this.dialog.showModal();
  }

  step(by) {
    const next = this.place + by;
    if (next < 0 || next >= this.rows.length) return;
    this.place = next;
    this.draw();
  }

  draw() {
    const { store } = this;
    const row = this.rows[this.place];
    const { state, task } = cardText(store, row);
    const [sign, word] = STATES[state] ?? ["", state];
    byId("detail-title").textContent = breakable(`${oneLine(store.sample("id", row), 60)} \u00b7 ${oneLine(task, 60)}`);
    byId("detail-place").textContent = `${counted(this.place + 1)} of ${counted(this.rows.length)}`;
    byId("detail-previous").disabled = this.place === 0;
    byId("detail-next").disabled = this.place >= this.rows.length - 1;
    const head = make("p", { class: `state ${STATES[state] ? state : ""}` }, `${sign} ${word}`);
    byId("detail-body").replaceChildren(
      make("div", { class: "seen" }, this.seen(row), this.labels(row)),
      make("div", { class: "read" }, head, this.reading(row), this.scores(row), this.reply(row), this.asked(row), this.others(row)),
    );
    byId("detail-body").scrollTop = 0;
  }

  seen(row) {
    const shown = this.store.pictures(row);
    const text = `Picture of ${oneLine(this.store.sample("id", row), 60)}`;
    return (shown.length ? shown : [null]).map((number, k) => {
      const picture = pictures.large(this.store, number, shown.length > 1 ? `${text}, ${k ? "second" : "first"}` : text);
      return shown.length > 1 ? make("figure", {}, picture, make("figcaption", {}, k ? "second" : "first")) : picture;
    });
  }

  facts(items) {
    const shown = items.filter(([, value]) => value !== "" && value !== null && value !== undefined);
    return make("dl", {}, shown.map(([name, value]) => [make("dt", {}, oneLine(name, 60)), make("dd", {}, visible(String(value)))]));
  }

  labels(row) {
    const { store } = this;
    const labels = ["emotion", "intensity", "quality"].map((name) => [name, store.sample(name, row)]);
    return this.facts([["sample", store.sample("id", row)], ...labels, ...store.attributes(row)]);
  }

  reading(row) {
    const { store } = this;
    const several = store.meta.runs.length > 1;
    const error = store.row("error", row);
    return this.facts([
      ["truth", store.row("truth", row) || "none"],
      ["read as", store.row("answer", row) || `nothing: ${store.row("reason", row)}`],
      ["off by", error === null ? "" : error.toFixed(3)],
      ["how", { declared: "declared by the reply", prose: "understood from prose" }[store.row("how", row)] ?? ""],
      ["answer mode", store.row("mode", row)],
      ["model", several ? store.run(row).name : store.run(row).model],
      ["judge", store.row("judge", row)],
      ["prompt variant", store.row("variant", row)],
      ["repeat", store.row("repeat", row) || ""],
      ["order", store.row("order", row)],
      ["portrait", store.row("outcome", row)],
      ["against the first run", store.row("change", row)],
      ["failure", store.row("failure", row)],
    ]);
  }

  /** The options in the order shown, with their probabilities where the judge gave them. */
  scores(row) {
    const text = this.store.row("shown", row);
    if (!text) return "";
    const options = JSON.parse(text);
    const items = options.map((option, k) => {
      const value = this.store.rows.columns[`score_${k}`]?.get(row) ?? null;
      const item = make("li", {}, make("span", { class: "option" }, oneLine(option, 80)));
      if (value !== null) {
        const bar = make("span", { class: "share", "aria-hidden": "true" }, make("span", {}));
        bar.firstChild.style.width = `${Math.round(100 * Math.min(1, Math.max(0, value)))}%`;
        item.append(bar, make("span", { class: "number" }, value.toFixed(3)));
      }
      return item;
    });
    return [make("h3", {}, "Options as shown"), make("ol", { class: "options" }, items)];
  }

  text(title, text, folded) {
    if (!text) return "";
    const shown = make("pre", { dir: "auto", tabIndex: 0, role: "region", "aria-label": title }, visible(text.slice(0, FIRST_CHARACTERS)));
    const more = make("button", { type: "button", class: "plain" }, `Show all ${counted(text.length)} characters`);
    more.addEventListener("click", () => {
      shown.textContent = visible(text);
      more.remove();
    });
    const parts = text.length > FIRST_CHARACTERS ? [shown, more] : [shown];
    return folded ? make("details", {}, make("summary", {}, title), parts) : [make("h3", {}, title), parts];
  }

  reply(row) {
    const { store } = this;
    const given = store.row("reply", row);
    const nothing = store.row("state", row) === "failed" ? "" : "(an empty reply)";
    return [this.text("Reply", given || (store.row("refusal", row) ? "" : nothing)), this.text("Refusal", store.row("refusal", row))].flat();
  }

  asked(row) {
    return [this.text("Prompt of the portrait", this.store.sample("prompt", row)), this.text("What the judge was asked", this.store.row("asked", row), true)].flat();
  }

  /** The same question in other runs, and other questions about this picture. */
  others(row) {
    const { store } = this;
    const [unit, sample] = [store.row("unit", row), store.row("sample", row)];
    const same = [];
    const more = [];
    for (let k = 0; k < store.count; k++) {
      if (k === row) continue;
      if (store.row("unit", k) === unit) same.push(k);
      else if (store.row("sample", k) === sample && same.length + more.length < 60) more.push(k);
    }
    return [this.list("The same question in other runs", same), this.list("Other questions about this picture", more)].flat();
  }

  list(title, rows) {
    if (!rows.length) return "";
    const several = this.store.meta.runs.length > 1;
    const items = rows.slice(0, 24).map((row) => {
      const { state, truth, answer, task } = cardText(this.store, row);
      const who = [several ? this.store.run(row).name : "", task, this.store.row("judge", row)].filter(Boolean).join(" \u00b7 ");
      const says = `${STATES[state]?.[0] ?? ""} ${oneLine(truth || "\u2013", 40)} \u2192 ${oneLine(answer, 60)}`;
      const button = make("button", { type: "button", class: "plain" }, make("span", { class: "who" }, oneLine(who, 80)), make("span", { class: state }, says));
      button.addEventListener("click", () => {
        this.rows = rows.includes(row) ? [this.rows[this.place], ...rows] : this.rows;
        this.place = this.rows.indexOf(row);
        this.draw();
        this.dialog.querySelector("#detail-close").focus();
      });
      return make("li", {}, button);
    });
    return [make("h3", {}, title), make("ul", { class: "others" }, items)];
  }
}
