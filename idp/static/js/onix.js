// Small helps on top of pages that work without them: no page needs this file.

// A refused form: put the reader where the errors are told.
document.querySelector("[data-focus]")?.focus();

// What is told only where scripts run, and only where they don't.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
for (const part of document.querySelectorAll("[data-without-script]")) part.hidden = true;

// A narrow screen shows only some of the sections: bring this page's own into view.
const sections = document.querySelector(".sections__nav ul");
const current = sections?.querySelector("[aria-current]");
if (current) sections.scrollLeft = current.offsetLeft - (sections.clientWidth - current.offsetWidth) / 2;

// Whose account says no time zone reads times in the browser's.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`zone=${zone}`)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

// "Show" beside each password, and a word when Caps Lock is on.
for (const box of document.querySelectorAll("[data-reveal]")) {
  const input = box.querySelector("input");
  if (!input) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = box.dataset.show;
  button.setAttribute("aria-label", box.dataset.label);
  button.setAttribute("aria-pressed", "false");
  if (input.id) button.setAttribute("aria-controls", input.id);
  const show = (visible) => {
    input.type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form?.addEventListener("submit", () => show(false)); // so that no browser remembers it as plain text
  const caps = document.createElement("p");
  caps.className = "caps";
  caps.setAttribute("role", "status");
  const look = (event) => {
    caps.textContent = event.getModifierState?.("CapsLock") ? box.dataset.caps : "";
  };
  input.addEventListener("keydown", look);
  input.addEventListener("keyup", look);
  input.addEventListener("blur", () => (caps.textContent = ""));
  box.append(button);
  box.after(caps);
}

// A form sent twice by a double click is sent once; a page that comes back from the cache may be sent again.
for (const form of document.querySelectorAll("form[method=post]")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", () => (sent = false));
}

// A menu closes with Escape and when the reader goes elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}
