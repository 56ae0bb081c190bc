// A page that waits for an answer: looks now and then, and loads itself again when there is one.
const place = document.querySelector("[data-waiting]");
let wait = 2000;
let timer = 0;

async function look() {
  clearTimeout(timer);
  try {
    const answer = await fetch(place.dataset.waiting, { cache: "no-store", headers: { Accept: "application/json" } });
    if (answer.redirected || (answer.ok && (await answer.json()).state !== place.dataset.state)) {
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
