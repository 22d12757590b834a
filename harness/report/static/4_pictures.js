// Pictures: thumbnails in the page, else files beside it, which are loaded only once they come into view.

const pictures = {
  /** Files that could not be loaded; after a few the page stops trying: it was moved away from them. */
  failed: 0,
  observer: null,

  /** An element that shows a picture of the page, else the file that it links. */
  element(store, number, text) {
    const frame = make("span", { class: "picture" });
    const thumbnail = number === null ? undefined : store.thumbnails[number];
    const link = number === null ? "" : store.links.get(number);
    const sources = [];
    if (thumbnail !== undefined) sources.push(`data:image/webp;base64,${thumbnail}`);
    if (link && pictures.failed < 3) sources.push(link);
    const empty = () => {
      const why = number === null ? "no picture" : link ? "file not found" : "not at hand";
      frame.replaceChildren(make("span", { class: "no-picture" }, why));
    };
    if (!sources.length) {
      empty();
      return frame;
    }
    const image = make("img", { alt: text, decoding: "async", width: 96, height: 96 });
    const show = () => {
      const source = sources.shift();
      if (source === undefined) empty();
      else image.src = source;
    };
    image.addEventListener("error", () => {
      if (!image.src.startsWith("data:")) pictures.failed += 1;
      show();
    });
    frame.append(image);
    if (sources[0].startsWith("data:")) show();
    else pictures.whenSeen(frame, show);
    return frame;
  },

  /** The same with a button for the file itself, where the page holds a thumbnail of it. */
  large(store, number, text) {
    const frame = pictures.element(store, number, text);
    frame.classList.add("large");
    const link = number === null ? "" : store.links.get(number);
    if (!link || store.thumbnails[number] === undefined) return [frame];
    const button = make("button", { type: "button", class: "plain" }, "Show the picture file");
    button.addEventListener("click", () => {
      const image = make("img", { alt: text });
      image.addEventListener("load", () => frame.replaceChildren(image));
      image.addEventListener("error", () => (button.textContent = "The picture file is not there any more."));
      button.disabled = true;
      image.src = link;
    });
    return [frame, button];
  },

  whenSeen(element, show) {
    pictures.observer ??= new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        pictures.observer.unobserve(entry.target);
        entry.target.show();
      }
    });
    element.show = show;
    pictures.observer.observe(element);
  },
};
