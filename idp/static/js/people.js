// The list of people: one box that ticks the whole page. Works without it, row by row.

const head = document.querySelector("[data-pick-all]");
const boxes = [...document.querySelectorAll("[data-many] input[name=member]")];

if (head && boxes.length) {
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", head.dataset.pickAll);
  const look = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
  for (const box of boxes) box.addEventListener("change", look);
  head.replaceChildren(all);
  look();
}
