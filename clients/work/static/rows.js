// The window that invites several people: more rows without another page, and a counter that follows the typing.
const form = document.getElementById("people");
if (form) {
  const rows = document.getElementById("rows");
  const counter = document.getElementById("counter");
  const more = document.getElementById("more-rows");
  const left = Number(form.dataset.left);
  const most = Math.min(Number(form.dataset.most), Math.max(left, rows.children.length));

  const count = () => {
    const filled = [...rows.children].filter((row) => [...row.querySelectorAll("input")].some((input) => input.value.trim())).length;
    const shown = counter.dataset.words.replace("{left}", String(Math.max(left - filled, 0)));
    if (counter.textContent !== shown) counter.textContent = shown;
    counter.classList.toggle("error", filled > left);
  };

  const add = () => {
    const number = rows.children.length;
    const row = rows.firstElementChild.cloneNode(true);
    row.querySelector("legend").textContent = row.querySelector("legend").textContent.replace(/\d+/, String(number + 1));
    row.querySelector(".error")?.remove();
    for (const input of row.querySelectorAll("input")) {
      row.querySelector(`label[for="${input.id}"]`).htmlFor = `${input.name}-${number}`;
      input.id = `${input.name}-${number}`;
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    rows.append(row);
    return row;
  };

  more.addEventListener("click", (event) => {
    event.preventDefault();
    if (rows.children.length >= most) return;
    const first = add();
    first.querySelector("input").focus();
    more.hidden = rows.children.length >= most;
  });
  form.addEventListener("input", count);
  count();
  more.hidden = rows.children.length >= most;
}
