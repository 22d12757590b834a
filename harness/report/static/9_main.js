// Starts everything. Without scripts the page still shows all figures.

/** Pictures of a filter in a row, as the page holds them; the rest is in the gallery. */
function fillStrip(strip, store, gallery) {
  const rows = gallery.sorted(store.matching(JSON.parse(strip.dataset.rows), ""));
  const list = strip.querySelector("ul");
  list.replaceChildren(...rows.slice(0, 12).map((row) => make("li", {}, card(store, row))));
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest(".card");
    if (chosen) gallery.detail.open(Number(chosen.dataset.row), rows, () => chosen.focus());
  });
}

async function start() {
  theme.start();
  const source = byId("answers");
  const state = byId("loading");
  if (source) {
    try {
      const thumbnails = JSON.parse(byId("thumbnails").textContent);
      const store = new Store(await unpack(source.textContent), thumbnails);
      source.remove();
      const gallery = new Gallery(store, new Detail(store));
      document.querySelectorAll("[data-rows]").forEach((strip) => fillStrip(strip, store, gallery));
      document.querySelectorAll("[data-filter]").forEach((button) => {
        button.disabled = false;
        button.addEventListener("click", () => {
          gallery.show(JSON.parse(button.dataset.filter));
          byId("gallery").scrollIntoView();
          gallery.focus(0);
        });
      });
      byId("browser").hidden = false;
      state.remove();
    } catch {
      state.textContent = "This browser cannot show the gallery: it needs DecompressionStream (browsers since 2023).";
    }
  }
  document.documentElement.dataset.ready = "yes";
  charts.start();
}

start();
