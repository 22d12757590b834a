// Charts: drawn one by one while the reader reads, by Vega's interpreter, which evaluates no text as a program.

const charts = {
  specs: null,
  waiting: [],
  drawn: new Map(),

  start() {
    const source = byId("charts");
    if (!source || !window.vegaEmbed) return;
    charts.specs = JSON.parse(source.textContent);
    charts.waiting = [...document.querySelectorAll("[data-chart]")];
    theme.listeners.push(() => charts.redraw());
    charts.next();
  },

  redraw() {
    for (const view of charts.drawn.values()) view.finalize();
    charts.drawn.clear();
    charts.waiting = [...document.querySelectorAll("[data-chart]")];
    charts.next();
  },

  next() {
    const element = charts.waiting.shift();
    if (!element) {
      document.documentElement.dataset.charts = "drawn";
      return;
    }
    const later = window.requestIdleCallback ?? ((run) => setTimeout(run, 1));
    later(async () => {
      await charts.draw(element);
      charts.next();
    });
  },

  async draw(element) {
    const spec = { ...charts.specs.charts[element.dataset.chart], config: charts.specs.themes[theme.current] };
    const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: charts.tooltip };
    // The compiler remarks on specifications, which readers cannot change, and takes no logger through vegaEmbed.
    const { warn } = console;
    console.warn = () => {};
    try {
      charts.drawn.set(element.dataset.chart, await vegaEmbed(element, spec, options));
      document.documentElement.dataset.drawn = theme.current;
      // The element around it has the description, and the table beside it the numbers.
      element.querySelector("svg").setAttribute("aria-hidden", "true");
    } catch {
      element.textContent = "This chart cannot be drawn here; its numbers are in the table.";
    } finally {
      console.warn = warn;
    }
  },

  /** Shows what a mark stands for beside the pointer. */
  tooltip(handler, event, item, value) {
    const tip = byId("tip");
    if (value === null || value === undefined || value === "") {
      tip.hidden = true;
      return;
    }
    const lines = typeof value === "object" ? Object.entries(value) : [["", String(value)]];
    tip.replaceChildren(
      ...lines
        .filter(([, shown]) => shown !== undefined && shown !== null && shown !== "")
        .map(([name, shown]) => make("div", {}, make("span", { class: "name" }, oneLine(name, 40)), " ", make("span", {}, oneLine(String(shown), 120)))),
    );
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const above = event.clientY + 18 + tip.offsetHeight > innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18}px`;
  },
};
