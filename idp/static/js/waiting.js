// A page that waits for an answer: looks now and then, opens the app once it is open to the person, and loads itself
// again when there is another answer.
const place = document.querySelector("[data-waiting]");
let wait = 2000;
let timer = 0;

async function look() {
  clearTimeout(timer);
  try {
    const answer = await fetch(place.dataset.waiting, { cache: "no-store", headers: { Accept: "application/json" } });
    const state = answer.ok && !answer.redirected ? (await answer.json()).state : "";
    if (state === "open" && place.dataset.start) {
      location.replace(place.dataset.start);
      return;
    }
    if (answer.redirected || (state && state !== place.dataset.state)) {
      location.reload();
      return;
    }
  } catch {
    // no network: the next round asks again
  }
  wait = Math.min(wait * 1.2, 20000);
  timer = setTimeout(look, wait);
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});
timer = setTimeout(look, wait);
