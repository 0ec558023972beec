// What costs more than the page comes when it is nearly seen: a page of its own, of which the middle is taken.
{
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target);
    }
  }, { rootMargin: "400px" });

  async function load(slot) {
    slot.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(slot.dataset.part, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = find("main .part", page);
      if (!found) throw new Error("not a part of the report");
      const opened = all("details", slot).map((one) => one.open);
      slot.replaceChildren(...[...found.childNodes].map((node) => document.adoptNode(node)));
      all("details", slot).forEach((one, i) => (one.open = opened[i] ?? one.open));
      slot.dataset.loaded = "yes";
      startAll(slot);
    } catch (error) {
      slot.dataset.loaded = slot.dataset.loaded ?? "no"; // what is there stays: a link, or what was loaded before
      console.warn(error.message);
    }
    slot.removeAttribute("aria-busy");
  }

  start("[data-part]", (slot) => {
    if (carried) return;
    if (slot.dataset.when !== "asked") return near.observe(slot);
    find(".more a", slot)?.addEventListener("click", (event) => {
      event.preventDefault();
      load(slot);
    });
  });
}
