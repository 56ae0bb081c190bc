// Codes: a one-time code is sent once it is whole; recovery codes can be copied, printed and kept as a file.

for (const field of document.querySelectorAll("[data-code]")) {
  field.addEventListener("input", () => {
    const digits = field.value.replace(/\D/g, "");
    if (digits.length === Number(field.dataset.code)) field.form.requestSubmit();
  });
}

for (const box of document.querySelectorAll("[data-copy]")) {
  const button = box.querySelector("button");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(box.dataset.copy).innerText.trim();
    try {
      await navigator.clipboard.writeText(text);
      box.querySelector("[role=status]").textContent = box.dataset.copied;
    } catch {
      getSelection().selectAllChildren(document.getElementById(box.dataset.copy));
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

for (const button of document.querySelectorAll("[data-file]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = document.getElementById(button.dataset.of).innerText.trim();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${button.dataset.heading}\n\n${text}\n`], { type: "text/plain" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
