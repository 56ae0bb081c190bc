// A file can be dragged onto its field: the first of those dropped is chosen, as if by the button.

for (const drop of document.querySelectorAll("[data-drop]")) {
  const input = drop.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    const carrier = new DataTransfer();
    carrier.items.add(event.dataTransfer.files[0]);
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
