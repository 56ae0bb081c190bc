// Add Multiple Users: a new row appears when the last one is filled, and the counter tells what is left while one types.
// Works without it: "More rows", and the server counts.

const form = document.querySelector("[data-many-users]");

if (form) {
  const lines = form.querySelector("[data-lines]");
  const counter = form.querySelector("[data-left-words]");
  const left = Number(form.dataset.left);

  const filled = () => {
    const found = new Set();
    for (const input of lines.querySelectorAll("input[name=email]")) {
      const address = input.value.trim().toLowerCase();
      if (address) found.add(address);
    }
    return found.size;
  };

  const tell = () => {
    const rest = left - filled();
    const words = rest < 0 ? counter.dataset.manyWords.replace("{over}", -rest) : counter.dataset.leftWords.replace("{left}", rest).replace("{limit}", form.dataset.limit);
    if (counter.textContent !== words) counter.textContent = words;
    counter.classList.toggle("left-counter--over", rest < 0);
  };

  const grow = () => {
    const rows = [...lines.querySelectorAll("[data-line]")];
    const last = rows[rows.length - 1];
    if (rows.length >= 200 || ![...last.querySelectorAll("input")].some((input) => input.value.trim())) return;
    const next = last.cloneNode(true);
    const number = rows.length + 1;
    next.querySelector("[data-number]").textContent = number;
    for (const wrong of next.querySelectorAll(".wrong")) wrong.remove();
    for (const input of next.querySelectorAll("input")) {
      input.value = "";
      input.id = `${input.name}-${number}`;
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, number));
    }
    lines.append(next);
  };

  form.addEventListener("input", () => {
    grow();
    tell();
  });
  tell();
}
