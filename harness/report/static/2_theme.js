// Light or dark: what the system prefers, until the reader chooses.

const theme = {
  listeners: [],
  chosen: "",

  get current() {
    if (theme.chosen) return theme.chosen;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  },

  start() {
    try {
      theme.chosen = localStorage.getItem("memobench-theme") || "";
    } catch {
      theme.chosen = ""; // Some browsers keep no storage for files.
    }
    if (theme.chosen) document.documentElement.dataset.theme = theme.chosen;
    const button = byId("theme");
    const label = () => {
      const other = theme.current === "dark" ? "light" : "dark";
      button.textContent = other === "dark" ? "Dark" : "Light";
      button.setAttribute("aria-label", `Switch to the ${other} theme`);
    };
    label();
    button.hidden = false;
    button.addEventListener("click", () => {
      theme.chosen = theme.current === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = theme.chosen;
      try {
        localStorage.setItem("memobench-theme", theme.chosen);
      } catch {
        // It holds for this visit.
      }
      label();
      theme.listeners.forEach((listener) => listener());
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      label();
      theme.listeners.forEach((listener) => listener());
    });
  },
};
