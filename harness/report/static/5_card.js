// One card of the gallery, and what it says.

const STATES = {
  right: ["\u2713", "right"],
  wrong: ["\u2717", "wrong"],
  rated: ["\u2022", "rated, no truth"],
  unparsed: ["?", "unparsed"],
  failed: ["!", "failed"],
  undelivered: ["\u2205", "not delivered"],
};

/** What a row says, for a card and for screen readers. */
function cardText(store, row) {
  const state = store.row("state", row);
  const truth = store.row("truth", row);
  const answer = store.row("answer", row);
  const given = answer || `(${store.row("reason", row) || state})`;
  return { state, truth, answer: given, task: store.row("question", row) || store.row("task", row) };
}

function card(store, row) {
  const { state, truth, answer, task } = cardText(store, row);
  const [sign, word] = STATES[state] ?? ["", state];
  const who = [store.meta.runs.length > 1 ? store.run(row).name : "", store.row("judge", row)].filter(Boolean);
  const shown = store.pictures(row);
  const label = `${oneLine(task, 60)}, true ${oneLine(truth || "unknown", 60)}, answered ${oneLine(answer, 60)}, ${word}`;
  return make(
    "button",
    { type: "button", class: `card ${STATES[state] ? state : ""}`, "data-row": String(row), "aria-label": label },
    make("span", { class: "pair" }, (shown.length ? shown : [null]).map((number) => pictures.element(store, number, ""))),
    make(
      "span",
      { class: "says" },
      make("span", { class: "sign", "aria-hidden": "true" }, sign),
      make("span", { class: "truth" }, oneLine(truth || "no truth", 40)),
      make("span", { class: "arrow", "aria-hidden": "true" }, "\u2192"),
      make("span", { class: "answer" }, oneLine(answer, 40)),
    ),
    make("span", { class: "about" }, breakable(oneLine([task, ...who].join(" \u00b7 "), 60))),
  );
}
