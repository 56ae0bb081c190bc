// The launcher's search: `/` goes to it, typing narrows, arrows move between apps, Enter opens the first that is left.

const find = document.querySelector("[data-find]");
const list = document.querySelector("[data-apps]");

if (find && list) {
  const input = find.querySelector("input");
  const found = find.querySelector("[data-found]");
  const nothing = document.querySelector("[data-nothing]");
  const tiles = [...list.querySelectorAll("[data-name]")];
  const links = () => tiles.filter((tile) => !tile.hidden).map((tile) => tile.querySelector("a")).filter(Boolean);

  find.hidden = false;

  input.addEventListener("input", () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/);
    for (const tile of tiles) {
      const name = tile.dataset.name.toLocaleLowerCase();
      tile.hidden = !words.every((word) => name.includes(word));
    }
    const left = tiles.filter((tile) => !tile.hidden);
    nothing.hidden = left.length > 0;
    found.textContent = left.length ? left.map((tile) => tile.dataset.name).join(", ") : found.dataset.none;
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      links()[0]?.click();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      links()[0]?.focus();
    } else if (event.key === "Escape" && input.value) {
      event.preventDefault();
      input.value = "";
      input.dispatchEvent(new Event("input"));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    input.focus();
  });

  // How many tiles stand in one row is what the screen says, so the arrows follow the eye.
  const columns = () => {
    const shown = links();
    const top = shown[0]?.getBoundingClientRect().top;
    return Math.max(1, shown.filter((link) => link.getBoundingClientRect().top === top).length);
  };

  list.addEventListener("keydown", (event) => {
    const shown = links();
    const at = shown.indexOf(event.target.closest("a"));
    if (at < 0) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() }[event.key];
    if (step === undefined) {
      if (event.key === "Home") shown[0].focus();
      else if (event.key === "End") shown.at(-1).focus();
      else return;
      event.preventDefault();
      return;
    }
    event.preventDefault();
    if (at + step < 0) input.focus();
    else shown[Math.min(at + step, shown.length - 1)].focus();
  });
}
