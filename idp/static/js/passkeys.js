// Passkeys: makes or shows one with the browser's own methods and posts what came of it as a form. Each form of
// `data-passkey` says what it wants; where the browser can't, it stays hidden.

const able =
  window.PublicKeyCredential?.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;
const FRESH = 8 * 60 * 1000; // a challenge counts ten minutes

let autofilling = null; // what waits in the field, to be called off before a button asks
let autofilled = Promise.resolve();

async function begun(form) {
  const answer = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (answer.redirected || !answer.headers.get("Content-Type")?.startsWith("application/json")) {
    location.reload(); // signed out, or the sign-in is too old: the page itself says what to do
    return new Promise(() => {});
  }
  if (!answer.ok) throw new Error(`options: ${answer.status}`);
  return answer.json();
}

async function ask(form, extra = {}) {
  const { ceremony, publicKey } = await begun(form);
  const making = form.dataset.passkey === "create";
  const options = making
    ? { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) }
    : { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), ...extra };
  const credential = await navigator.credentials[making ? "create" : "get"](options);
  form.elements.ceremony.value = ceremony;
  form.elements.credential.value = JSON.stringify(credential.toJSON());
  form.submit();
}

function tell(form, error) {
  const calm = ["NotAllowedError", "AbortError"].includes(error?.name);
  const known = error?.name === "InvalidStateError" && form.dataset.known;
  form.querySelector("[role=status]").textContent = known || (calm ? form.dataset.cancelled : form.dataset.failed);
}

function press(form) {
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    form.querySelector("[role=status]").textContent = "";
    autofilling?.abort();
    autofilling = null;
    await autofilled;
    try {
      await ask(form);
    } catch (error) {
      tell(form, error);
    } finally {
      button.disabled = false;
    }
  });
  addEventListener("pageshow", () => (button.disabled = false));
  form.hidden = false;
}

// The browser offers passkeys in the e-mail field, among its other suggestions.
async function autofill(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  autofilling = new AbortController();
  const { signal } = autofilling;
  const renew = setTimeout(() => {
    if (signal.aborted) return;
    autofilling.abort();
    autofilled.then(() => autofill(form));
  }, FRESH);
  autofilled = ask(form, { mediation: "conditional", signal }).catch(() => clearTimeout(renew)); // the button is there
}

// Passkeys that are gone here should not be offered any more.
async function signal(form) {
  if (form.dataset.gone) await PublicKeyCredential.signalUnknownCredential?.(JSON.parse(form.dataset.gone));
}

if (able) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    press(form);
    signal(form).catch(() => {});
    if (form.dataset.autofill !== undefined) autofill(form).catch(() => {});
  }
  for (const note of document.querySelectorAll("[data-unable]")) note.hidden = true;
  const list = document.querySelector("[data-accepted]");
  if (list) PublicKeyCredential.signalAllAcceptedCredentials?.(JSON.parse(list.dataset.accepted)).catch(() => {});
}
