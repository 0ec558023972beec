// The calendar of days: pointing at a day or walking there with the arrow keys reads it, a click opens its own report.
{
  const [LEFT, TOP, PITCH] = [32, 20, 15]; // the frame of report/calendar.py
  const DAY = 86400000;
  const NAMES = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const firstOf = (year) => Date.UTC(year, 0, 1) / DAY;
  const shiftOf = (year) => (new Date(Date.UTC(year, 0, 1)).getUTCDay() + 6) % 7;

  start(".heats[data-days]", (box) => {
    const days = new Map();
    for (const part of box.dataset.days.split(",")) {
      const [day, pnl, trades] = part.split(":");
      days.set(Number(day), { pnl, trades: Number(trades) });
    }
    const ordered = [...days.keys()];
    const pictures = new Map(all(".heat", box).map((svg) => [Number(svg.dataset.year), svg]));
    const output = find(".dayread", box.closest("section"));
    const frame = drawing("rect");
    frame.setAttribute("class", "picked");
    frame.setAttribute("width", "13");
    frame.setAttribute("height", "13");
    let current = null;

    function pick(day) {
      current = day;
      frame.remove();
      if (day === null) return (output.textContent = "");
      const at = new Date(day * DAY);
      const year = at.getUTCFullYear();
      const place = day - firstOf(year) + shiftOf(year);
      frame.setAttribute("x", String(LEFT + Math.floor(place / 7) * PITCH - 0.5));
      frame.setAttribute("y", String(TOP + (place % 7) * PITCH - 0.5));
      pictures.get(year)?.append(frame);
      const found = days.get(day);
      const what = found ? `${money(Number(found.pnl))}, ${grouped(found.trades, 0, 0)} ${found.trades === 1 ? "trade" : "trades"}` : "no trade";
      output.textContent = `${NAMES[at.getUTCDay()]}, ${dateText(day * DAY)}: ${what}`;
    }

    function dayAt(event) {
      const svg = event.target.closest(".heat");
      if (!svg) return null;
      const matrix = svg.getScreenCTM();
      const [x, y] = [(event.clientX - matrix.e) / matrix.a, (event.clientY - matrix.f) / matrix.d];
      const [column, row] = [Math.floor((x - LEFT) / PITCH), Math.floor((y - TOP) / PITCH)];
      const year = Number(svg.dataset.year);
      const day = firstOf(year) + column * 7 + row - shiftOf(year);
      return column < 0 || row < 0 || row > 6 || new Date(day * DAY).getUTCFullYear() !== year ? null : day;
    }

    function open(day) {
      if (carried || !days.has(day)) return;
      const url = new URL(box.dataset.page, location.origin);
      const text = (d) => new Date(d * DAY).toISOString().slice(0, 10);
      url.searchParams.set("from", text(day));
      url.searchParams.set("to", text(day + 1));
      location.assign(url.pathname + url.search);
    }

    box.addEventListener("pointermove", (event) => pick(dayAt(event)));
    box.addEventListener("pointerleave", () => pick(null));
    box.addEventListener("click", (event) => {
      const day = dayAt(event);
      // A finger reads first; a second tap on the same day opens it.
      if (day !== null && (event.pointerType !== "touch" || box.dataset.tapped === String(day))) open(day);
      box.dataset.tapped = String(day);
      pick(day);
    });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step) {
        event.preventDefault();
        const [least, most] = [firstOf(Math.min(...pictures.keys())), firstOf(Math.max(...pictures.keys()) + 1) - 1];
        pick(current === null ? ordered.at(-1) : Math.min(most, Math.max(least, current + step)));
      } else if (event.key === "Enter" && current !== null) open(current);
      else if (event.key === "Escape") pick(null);
    });
    // On a phone a year is wider than the page: its last day is what is looked for first.
    const last = new Date(ordered.at(-1) * DAY);
    const column = Math.floor((ordered.at(-1) - firstOf(last.getUTCFullYear()) + shiftOf(last.getUTCFullYear())) / 7);
    box.scrollLeft = ((column + 4) / 54) * box.scrollWidth - box.clientWidth;
    output.setAttribute("aria-live", "polite");
    box.dataset.ready = "yes";
  });
}
