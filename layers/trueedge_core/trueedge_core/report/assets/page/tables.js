// Tables that sort by any column, with a small curve in each row, drawn when the row comes into view.
{
  const sorted = new Map(); // by the table's heading: what it was sorted by, for when a fresh one takes its place
  const WORST_LAST = ["significant", "unproven", "insufficient", "losing"];

  function keyOf(row, column) {
    const cell = row.cells[column];
    const verdict = find(".word", cell);
    if (verdict) return WORST_LAST.findIndex((word) => verdict.classList.contains(word));
    const number = find("data", cell);
    if (number) return Number(number.value);
    return find(".none", cell) ? null : cell.textContent.trim();
  }

  // What is undefined comes last in either direction; equal rows stay as they stood.
  function sort(table, column, direction) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, index) => ({ row, index, key: keyOf(row, column) }));
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.index - b.index;
      const order = typeof a.key === "number" ? a.key - b.key : a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
      return sign * order || a.index - b.index;
    });
    body.append(...rows.map(({ row }) => row));
    for (const [index, head] of [...table.tHead.rows[0].cells].entries()) {
      if (index === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    }
    sorted.set(table.dataset.sorts, [column, direction]);
  }

  start("table[data-sorts]", (table) => {
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      if (head.dataset.sort === "no") continue;
      const button = element("button", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = column === 0 ? "ascending" : "descending";
        const other = first === "ascending" ? "descending" : "ascending";
        sort(table, column, now === first ? other : first);
      });
    }
    const before = sorted.get(table.dataset.sorts);
    if (before) sort(table, ...before);
  });

  // --- sparklines: a few requests at a time, for the rows that are seen -------------------------------------------------

  const [WIDTH, HEIGHT, MARGIN, AT_ONCE] = [96, 26, 2, 2];
  const waiting = [];
  let running = 0;

  async function next() {
    if (running >= AT_ONCE) return;
    const cell = waiting.shift();
    if (!cell) return;
    running += 1;
    try {
      const { points } = await ask(cell.dataset.spark);
      if (points.length) draw(cell, points);
      else cell.dataset.drawn = "empty";
    } catch {
      cell.dataset.drawn = "no";
    }
    running -= 1;
    next();
  }

  function draw(cell, points) {
    const levels = [0, ...points.map((p) => p.equity)];
    const times = points.map((p) => Date.parse(p.time));
    const [low, high] = [Math.min(...levels), Math.max(...levels)];
    const [first, last] = [times[0], times.at(-1)];
    const x = (at) => (last === first ? WIDTH - MARGIN : MARGIN + ((WIDTH - 2 * MARGIN) * (at - first)) / (last - first));
    const y = (level) => HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (level - low)) / (high - low || 1);
    const line = points.map((p, i) => `L${x(times[i]).toFixed(1)} ${y(p.equity).toFixed(1)}`).join("");
    const svg = drawing("svg", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
    svg.append(
      drawing("line", { class: "mid", x1: 0, x2: WIDTH, y1: y(0).toFixed(1), y2: y(0).toFixed(1) }),
      drawing("path", { class: "spark", d: `M${MARGIN} ${y(0).toFixed(1)}${line}` }),
    );
    cell.replaceChildren(svg);
    cell.dataset.drawn = "yes";
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.push(entry.target);
      next();
    }
  }, { rootMargin: "100px" });

  start("[data-spark]", (cell) => seen.observe(cell));
}
