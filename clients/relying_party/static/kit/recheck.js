// Asks now and then whether the verdict has changed, and loads the page again when it has.
const place = document.getElementById("recheck");
const again = document.getElementById("again");
const told = place.textContent;
let wait = 4000;
let timer = 0;

async function look(byHand) {
  clearTimeout(timer);
  if (byHand) place.textContent = place.dataset.checking;
  try {
    const answer = await fetch(place.dataset.url, { cache: "no-store" });
    if (answer.ok && (await answer.json()).changed) {
      location.assign("/");
      return;
    }
  } catch {
    // no network: the next round asks again
  }
  if (byHand) place.textContent = `${place.dataset.same} ${told.trim()}`;
  wait = Math.min(wait * 1.3, 30000);
  timer = setTimeout(look, wait);
}

again.addEventListener("click", (event) => {
  event.preventDefault();
  wait = 4000;
  look(true);
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});
timer = setTimeout(look, wait);
