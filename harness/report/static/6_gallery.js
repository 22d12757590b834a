// The gallery: filters, pages of cards, and the keys that move between them.

const PAGE = 48;
const FILTERS = [
  ["run", "Model"],
  ["task", "Task"],
  ["judge", "Judge"],
  ["data", "Data"],
  ["variant", "Prompt variant"],
  ["emotion", "Emotion"],
  ["state", "Result"],
  ["change", "Change"],
  ["outcome", "Outcome"],
  ["read", "Read as"],
  ["mode", "Answer mode"],
];
/** Filters without a field of their own: they are set by tables, and shown to be removed. */
const OTHERS = { truth: "truth", answer: "answer", reason: "reason", question: "question" };

class Gallery {
  constructor(store, detail) {
    this.store = store;
    this.detail = detail;
    this.filters = {};
    this.text = "";
    this.order = "pictures";
    this.page = 0;
    this.found = [];
    this.list = byId("cards");
    this.fields = new Map();
    this.addFields();
    this.list.addEventListener("click", (event) => this.open(event.target.closest(".card")));
    this.list.addEventListener("keydown", (event) => this.key(event));
    byId("previous").addEventListener("click", () => this.turn(-1));
    byId("next").addEventListener("click", () => this.turn(1));
    byId("clear").addEventListener("click", () => this.show({}));
    const typed = debounced(() => {
      this.text = byId("search").value.trim();
      this.update();
    }, 150);
    byId("search").addEventListener("input", typed);
    byId("order").addEventListener("change", () => {
      this.order = byId("order").value;
      this.update();
    });
    this.update();
  }

  addFields() {
    for (const [name, title] of FILTERS) {
      const runs = this.store.meta.runs.map((run, k) => [String(k), run.name]);
      const values = name === "run" ? runs : this.store.distinct(name).map((value) => [value, oneLine(value, 60)]);
      if (values.length < 2 && !(name === "change" && values.length)) continue;
      const id = `filter-${name}`;
      const field = make("select", { id }, make("option", { value: "" }, "all"));
      for (const [value, text] of values.slice(0, 200)) field.append(make("option", { value }, text || "\u2013"));
      field.addEventListener("change", () => {
        const chosen = field.value;
        if (chosen === "") delete this.filters[name];
        else this.filters[name] = name === "run" ? Number(chosen) : chosen;
        this.update();
      });
      this.fields.set(name, field);
      byId("filters").append(make("label", { htmlFor: id }, make("span", {}, title), field));
    }
  }

  /** Show the rows that fit these filters alone. */
  show(filters) {
    this.filters = { ...filters };
    this.text = byId("search").value = "";
    this.update();
  }

  update() {
    for (const [name, field] of this.fields) field.value = String(this.filters[name] ?? "");
    this.found = this.sorted(this.store.matching(this.filters, this.text));
    this.page = 0;
    this.chips();
    this.draw();
  }

  sorted(rows) {
    if (this.order === "stored") return rows;
    if (this.order === "pictures") {
      // By task, so that a page shows many pictures instead of all questions about a few.
      const task = this.store.rows.columns.task;
      const held = new Map(rows.map((row) => [row, (this.store.holds(row) ? 0 : 1e6) + task.code(row)]));
      return rows.sort((a, b) => held.get(a) - held.get(b) || a - b);
    }
    const error = new Map(rows.map((row) => [row, Math.abs(this.store.row("error", row) ?? -1)]));
    return rows.sort((a, b) => error.get(b) - error.get(a) || a - b);
  }

  /** What is filtered, each with a button that removes it. */
  chips() {
    const names = { ...Object.fromEntries(FILTERS), ...OTHERS };
    const shown = Object.entries(this.filters).map(([name, value]) => {
      const text = name === "run" ? this.store.meta.runs[value].name : value;
      const label = `${(names[name] ?? name).toLowerCase()}: ${oneLine(text, 40)}`;
      const chip = make("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${label}` }, label, " \u00d7");
      chip.addEventListener("click", () => {
        delete this.filters[name];
        this.update();
      });
      return chip;
    });
    byId("chips").replaceChildren(...shown);
    byId("clear").hidden = !shown.length && !this.text;
  }

  get pages() {
    return Math.max(1, Math.ceil(this.found.length / PAGE));
  }

  draw() {
    const first = this.page * PAGE;
    const rows = this.found.slice(first, first + PAGE);
    this.list.replaceChildren(...rows.map((row) => make("li", {}, card(this.store, row))));
    this.cards().forEach((element, k) => (element.tabIndex = k ? -1 : 0));
    const total = counted(this.found.length);
    byId("count").textContent = rows.length
      ? `${counted(first + 1)}\u2013${counted(first + rows.length)} of ${total} answers`
      : "No answer fits these filters.";
    byId("page").textContent = `Page ${counted(this.page + 1)} of ${counted(this.pages)}`;
    byId("previous").disabled = this.page === 0;
    byId("next").disabled = this.page >= this.pages - 1;
  }

  turn(step) {
    this.page = Math.min(this.pages - 1, Math.max(0, this.page + step));
    this.draw();
  }

  cards() {
    return [...this.list.querySelectorAll(".card")];
  }

  focus(position) {
    const cards = this.cards();
    cards.forEach((element, k) => (element.tabIndex = k === position ? 0 : -1));
    cards[position]?.focus();
  }

  key(event) {
    const cards = this.cards();
    const here = cards.indexOf(document.activeElement);
    if (here < 0) return;
    const columns = cards.filter((element) => element.offsetTop === cards[0].offsetTop).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.key === "Home" || event.key === "End") {
      this.focus(event.key === "Home" ? 0 : cards.length - 1);
    } else if (event.key === "PageDown" || event.key === "PageUp") {
      this.turn(event.key === "PageDown" ? 1 : -1);
      this.focus(0);
    } else if (event.key in steps) {
      const next = here + steps[event.key];
      if (next >= 0 && next < cards.length) this.focus(next);
    } else {
      return;
    }
    event.preventDefault();
  }

  open(element) {
    if (!element) return;
    const row = Number(element.dataset.row);
    this.detail.open(row, this.found, (last) => this.closed(last));
  }

  /** Return the focus to the card of the answer that was shown last. */
  closed(row) {
    const place = this.found.indexOf(row);
    if (place < 0) return;
    const page = Math.floor(place / PAGE);
    if (page !== this.page) {
      this.page = page;
      this.draw();
    }
    this.focus(place % PAGE);
  }
}
