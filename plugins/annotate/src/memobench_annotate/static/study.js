// Adds keys, exact times and sending that survives a lost connection. Without it every page works by itself.
"use strict";
(() => {
  const PENDING = "memobench.pending";
  const RETRY = 1000, PATIENCE = 10000, REFRESH = 10000;
  // Nobody reacts to a picture this fast: it is the second half of a double tap.
  const REFLEX = 120;
  const SMALL = 320;
  const KEPT = 12;

  let shownAt = null;
  let busy = false;
  const preloaded = [];

  const at = (id) => document.getElementById(id);
  const notice = (text) => { if (at("notice").textContent !== text) at("notice").textContent = text; };
  const study = (doc) => doc.getElementById("page")?.dataset.study;
  const fields = (form) => Object.fromEntries(new FormData(form));

  // Resolves after a while, or as soon as the network is back.
  const wait = (ms) => new Promise((resolve) => {
    const done = () => { clearTimeout(timer); removeEventListener("online", done); resolve(); };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });

  const remembered = {
    get() { try { return JSON.parse(sessionStorage.getItem(PENDING)); } catch { return null; } },
    set(pending) { try { sessionStorage.setItem(PENDING, JSON.stringify(pending)); } catch { /* It is sent all the same. */ } },
    clear() { try { sessionStorage.removeItem(PENDING); } catch { /* There is nothing. */ } },
  };

  // The page that the server answers with, or null where it refused. Asks again until one of the two came from the server itself.
  async function post(address, body) {
    for (;;) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), PATIENCE);
      try {
        const response = await fetch(address, {
          method: "POST", body: new URLSearchParams(body), headers: { "X-Swap": "1" }, signal: stop.signal,
        });
        const found = new DOMParser().parseFromString(await response.text(), "text/html");
        const busyServer = response.status === 429 || response.status >= 500;
        // A proxy, or the login page of a network, answers for a server that it cannot reach.
        if (!busyServer && study(found) === study(document)) return response.ok ? found : null;
      } catch {
        // No connection: go on trying.
      } finally {
        clearTimeout(timer);
      }
      notice(document.body.dataset.connectionLost);
      await wait(RETRY);
    }
  }

  async function step(address, body) {
    busy = true;
    const found = await post(address, body);
    remembered.clear();
    notice("");
    if (found === null) location.reload();
    else swap(found);
  }

  function swap(found) {
    document.documentElement.lang = found.documentElement.lang;
    document.title = found.title;
    document.body.className = found.body.className;
    at("page").replaceWith(document.adoptNode(found.getElementById("page")));
    scrollTo(0, 0);
    start();
    document.querySelector("h1[tabindex]")?.focus({ preventScroll: true });
  }

  async function loaded(image) {
    const address = image.getAttribute("src");
    for (let attempt = 1; image.isConnected; attempt++) {
      try {
        await image.decode();
        return;
      } catch {
        if (image.complete && image.naturalWidth) return;
        notice(document.body.dataset.pictureLost);
        await wait(RETRY);
        image.src = `${address}?again=${attempt}`;
      }
    }
  }

  async function show(trial) {
    const images = [...trial.querySelectorAll("img")];
    for (const image of images) image.classList.add("waiting");
    await Promise.all(images.map(loaded));
    if (!trial.isConnected) return;
    if (at("notice").textContent === document.body.dataset.pictureLost) notice("");
    for (const image of images) {
      image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) < SMALL);
      image.classList.remove("waiting");
    }
    // The second frame begins when the first, with the pictures, is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (!trial.isConnected) return;
      shownAt = performance.now();
      trial.dataset.ready = "yes";
      for (const key of trial.dataset.next.split(" ").filter(Boolean)) preload(`/picture/${key}`);
    }));
  }

  function preload(address) {
    if (preloaded.some((image) => image.getAttribute("src") === address)) return;
    const image = new Image();
    image.src = address;
    preloaded.push(image);
    if (preloaded.length > KEPT) preloaded.shift();
  }

  function choose(button) {
    if (busy || shownAt === null || !button) return;
    const ms = performance.now() - shownAt;
    if (ms < REFLEX) return;
    button.classList.add("chosen");
    const answer = { ...fields(at("trial")), value: button.value, ms: String(Math.round(ms)) };
    remembered.set({ study: study(document), answer });
    step("/answer", answer);
  }

  function countDown(place) {
    const end = performance.now() + 1000 * Number(place.dataset.seconds);
    const tick = () => {
      if (!place.isConnected) return;
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      place.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (left === 0) location.reload();
      else setTimeout(tick, 500);
    };
    tick();
  }

  async function refresh() {
    if (!at("refresh").checked || document.hidden) return;
    try {
      const response = await fetch(location.href);
      const found = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
      if (response.ok && found) at("live").replaceWith(document.adoptNode(found));
    } catch {
      // The next one may get through.
    }
  }

  function start() {
    busy = false;
    shownAt = null;
    const trial = at("trial");
    if (trial) show(trial);
    if (at("left")) countDown(at("left"));
    if (at("check")) at("check").elements.screen.value =
      [innerWidth, innerHeight, devicePixelRatio, screen.width, screen.height, screen.colorDepth].join(",");
  }

  // An answer that the server did not confirm before the page was loaded again.
  function resume() {
    const pending = remembered.get();
    const key = document.querySelector("input[name=form_key]")?.value;
    if (!pending) return;
    if (pending.study === study(document) && key && pending.answer?.form_key === key) step("/answer", pending.answer);
    else if (key) remembered.clear();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "back" || form.id === "go_on") {
      event.preventDefault();
      if (!busy) step(new URL(form.action).pathname, fields(form));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea")) return;
    const trial = at("trial");
    if (event.key === "Backspace") {
      event.preventDefault();
      if (!event.repeat) at("back")?.querySelector("button").click();
    } else if (!trial) {
      if (event.key === "Enter" && !event.repeat && !event.target.closest("button, a, summary")) at("go_on")?.querySelector("button").click();
    } else if (["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const buttons = [...trial.querySelectorAll("button")];
      const now = buttons.indexOf(document.activeElement);
      const forward = event.key === "ArrowRight" || event.key === "ArrowDown";
      const next = now < 0 ? (forward ? 0 : buttons.length - 1) : (now + (forward ? 1 : -1) + buttons.length) % buttons.length;
      buttons[next].focus();
    } else if (!event.repeat) {
      const options = [...trial.querySelectorAll(".options button")];
      const marked = options.find((button) => button.querySelector(".mark")?.textContent === event.key.toUpperCase());
      const chosen = marked ?? (/^[1-9]$/.test(event.key) ? options[Number(event.key) - 1] : undefined);
      if (chosen) {
        event.preventDefault();
        choose(chosen);
      }
    } else if (event.key === "Enter") {
      event.preventDefault();  // A key that is held answers once.
    }
  });

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("#trial button");
    if (chosen) {
      event.preventDefault();
      choose(chosen);
    }
    const menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });

  // A page from the browser's memory may be long over.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  start();
  resume();
  if (at("live")) setInterval(refresh, REFRESH);
})();
