// Follows the log: asks the figures whether they changed (ETag; 304 costs nearly nothing), and only then fetches the page
// anew and puts its parts in the place of these. Nothing is asked while the page is hidden, or saved as a file.
{
  const EVERY = 5000;
  const SLOWEST = 60000;
  const main = () => find("main[data-poll]");
  let etag = null;
  let pause = EVERY;
  let timer = null;

  function say(text, state) {
    const place = find(".follow");
    if (!place) return;
    if (place.textContent !== text) place.textContent = text;
    place.dataset.state = state;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, pause * (0.9 + 0.2 * Math.random()));
  }

  async function look() {
    if (document.hidden) return;
    try {
      const headers = { Accept: "application/json", ...(etag ? { "If-None-Match": etag } : {}) };
      const answer = await fetch(main().dataset.poll, { headers, cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) return say("Signed out: load the page again to sign in", "off");
      if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
      const fresh = answer.status === 200 ? await answer.json() : null;
      if (fresh && String(fresh.as_of.events) !== main().dataset.events) await renew();
      if (answer.status === 200) etag = answer.headers.get("ETag");
      pause = EVERY;
      say("Following the log", "on");
    } catch {
      pause = Math.min(2 * pause, SLOWEST);
      say("No connection: trying again", "off");
    }
    later();
  }

  // Whoever reads or types stays where they are: what is open stays open, the focus finds its place again.
  async function renew() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [before, after] = [main(), find("main[data-poll]", page)];
    if (!after) throw new Error("not the report");
    if (before.dataset.page !== after.dataset.page) return location.reload(); // the first trade of an empty store
    // Those of parts that came later go along with their part.
    const words = (one) => find("summary", one).textContent;
    const opened = new Map(all("details", before).map((one) => [words(one), one.open]));
    for (const one of all("details", after)) one.open = opened.get(words(one)) ?? one.open;
    const focused = place(before, document.activeElement);
    const chart = find("figure[data-curve]", before)?.curve;
    const figure = find("figure[data-curve]", after);
    for (const part of ["meta", "switch"]) {
      const [old, fresh] = [find(`.${part}`), find(`.${part}`, page)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    for (const loaded of all("[data-part][data-loaded]", before)) {
      const slot = all("[data-part]", after).find((one) => one.dataset.part === loaded.dataset.part);
      if (slot) {
        slot.replaceChildren(...loaded.childNodes);
        slot.dataset.loaded = "before";
      }
    }
    before.replaceWith(document.adoptNode(after));
    if (chart?.equity && figure) chart.move(figure);
    startAll(after);
    focused?.(after)?.focus({ preventScroll: true });
    document.title = page.title;
  }

  const FOCUSABLE = "a, button, summary, input, [tabindex]";

  function place(within, active) {
    if (!within.contains(active)) return null;
    const alike = (root) => all(FOCUSABLE, root).filter((one) => one.tagName === active.tagName && one.textContent === active.textContent && one.value === active.value);
    const index = alike(within).indexOf(active);
    return (root) => alike(root)[index];
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) look();
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (!main() || carried) return;
    say("Following the log", "on");
    later();
  });
}
