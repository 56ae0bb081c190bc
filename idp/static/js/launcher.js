// The launcher's search: `/` goes to it, typing narrows, arrows move between apps as the eye does, Enter opens the first
// that is left. Where nothing is left, Enter asks the server, which looks through the other pages too.

const find = document.querySelector("[data-find]");

if (find) {
  const input = find.querySelector("input");
  const found = find.querySelector("[data-found]");
  const nothing = document.querySelector("[data-nothing]");
  const front = document.querySelector("[data-front]");
  const shelves = [...document.querySelectorAll("[data-shelf]")].map((section) => {
    const locks = section.querySelector("[data-locks]");
    return { section, locks, open: locks?.open, tiles: [...section.querySelectorAll("[data-name]")] };
  });
  const links = () =>
    [...document.querySelectorAll("[data-apps] [data-name] > a")].filter((link) => link.offsetParent !== null);

  const narrow = () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const names = [];
    if (front) front.hidden = words.length > 0;
    for (const { section, locks, open, tiles } of shelves) {
      let inside = false;
      let locked = false;
      for (const tile of tiles) {
        const name = tile.dataset.name.toLocaleLowerCase();
        tile.hidden = !words.every((word) => name.includes(word));
        if (tile.hidden) continue;
        names.push(tile.dataset.name);
        if (locks?.contains(tile)) locked = true;
        else inside = true;
      }
      section.hidden = words.length > 0 && !inside && !locked;
      if (locks) {
        locks.hidden = words.length > 0 && !locked;
        locks.open = words.length > 0 ? locked && !inside : open;
      }
    }
    nothing.hidden = names.length > 0;
    found.textContent = words.length === 0 ? "" : names.join("; ") || found.dataset.none;
  };

  input.addEventListener("input", narrow);

  find.addEventListener("submit", (event) => {
    const first = links()[0];
    if (!first) return;
    event.preventDefault();
    first.click();
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      links()[0]?.focus();
    } else if (event.key === "Escape" && input.value) {
      event.preventDefault();
      input.value = "";
      narrow();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    input.focus();
  });

  // The nearest icon in the row above or below, wherever its shelf begins: positions are what the screen says.
  const beside = (link, down) => {
    const here = link.getBoundingClientRect();
    const rows = links()
      .map((other) => ({ other, box: other.getBoundingClientRect() }))
      .filter(({ box }) => (down ? box.top >= here.bottom : box.bottom <= here.top));
    if (rows.length === 0) return undefined;
    const edge = down ? Math.min(...rows.map(({ box }) => box.top)) : Math.max(...rows.map(({ box }) => box.bottom));
    const middle = here.left + here.width / 2;
    const away = ({ box }) => Math.abs(box.left + box.width / 2 - middle);
    return rows
      .filter(({ box }) => Math.abs((down ? box.top : box.bottom) - edge) < 2)
      .sort((one, another) => away(one) - away(another))[0].other;
  };

  document.addEventListener("keydown", (event) => {
    const shown = links();
    const at = shown.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = {
      ArrowRight: () => shown[at + 1],
      ArrowLeft: () => shown[at - 1],
      ArrowDown: () => beside(event.target, true),
      ArrowUp: () => beside(event.target, false) ?? input,
      Home: () => shown[0],
      End: () => shown.at(-1),
    }[event.key];
    if (!next) return;
    event.preventDefault();
    next()?.focus();
  });
}
