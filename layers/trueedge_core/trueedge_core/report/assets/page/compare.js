// Up to six strategies (or accounts) in one chart. Colours keep apart for the colour-blind, dashes keep apart in grey.
{
  const MOST = 6;
  const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [4, 4], [1, 2]];
  const HEIGHT = 300;
  const FONT = '12px "TE Sans", Inter, system-ui, sans-serif';

  const chosen = new Map(); // by section: whose curves are shown, for when a fresh page takes its place

  class Comparison {
    constructor(section) {
      this.id = section.getAttribute("aria-labelledby");
      this.section = section;
      this.box = find(".overlay", section);
      this.legend = find(".chips", section);
      this.told = find(".comparing", section);
      this.rows = all("input[data-compare]", section);
      this.answers = new Map();
      this.places = Array(MOST).fill(null); // who has which colour: one that stays keeps its own
      for (const input of this.rows) input.addEventListener("change", () => this.toggle(input));
      const before = chosen.get(this.id);
      const first = before ? this.rows.filter((input) => before.includes(input.value)) : this.rows.slice(0, MOST);
      for (const input of first) this.put(input);
      new ResizeObserver(() => this.plot?.setSize({ width: this.box.clientWidth, height: HEIGHT })).observe(this.box);
      dark.addEventListener("change", () => this.draw());
      this.refresh();
    }

    put(input) {
      const place = this.places.indexOf(null);
      if (place < 0) return false;
      this.places[place] = input;
      input.checked = true;
      return true;
    }

    toggle(input) {
      if (input.checked && !this.put(input)) {
        input.checked = false;
        this.told.textContent = `${MOST} at most: take one out first.`;
        return;
      }
      if (!input.checked) this.places[this.places.indexOf(input)] = null;
      this.refresh();
    }

    async refresh() {
      this.told.textContent = "";
      chosen.set(this.id, this.places.filter(Boolean).map((input) => input.value));
      const wanted = this.places.filter(Boolean).filter((input) => !this.answers.has(input.dataset.compare));
      await Promise.all(wanted.map(async ({ dataset }) => this.answers.set(dataset.compare, await ask(dataset.compare).catch(() => ({ points: [] })))));
      this.draw();
    }

    draw() {
      const shown = this.places.flatMap((input, place) => (input ? [{ place, name: input.value, points: this.answers.get(input.dataset.compare)?.points ?? [] }] : []));
      this.legend.replaceChildren(...shown.map(({ place, name }) => {
        const line = drawing("svg", { width: 26, height: 10, "aria-hidden": "true" });
        line.append(drawing("line", { class: `s${place + 1}`, x1: 0, x2: 26, y1: 5, y2: 5, "stroke-dasharray": DASHES[place].join(" ") }));
        return element("li", {}, line, element("bdi", { textContent: name }));
      }));
      this.plot?.destroy();
      this.plot = null;
      const drawn = shown.filter(({ points }) => points.length);
      this.section.dataset.compared = drawn.length;
      if (!drawn.length) return;
      const data = uPlot.join(drawn.map(({ points }) => [points.map((p) => Date.parse(p.time) / 1000), points.map((p) => p.equity)]));
      const axis = { stroke: () => colour("soft"), font: FONT, ticks: { show: false } };
      this.plot = new uPlot({
        width: this.box.clientWidth, height: HEIGHT, padding: [14, 0, 0, 0], legend: { show: false },
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
        cursor: { y: false, drag: { x: true, y: false, dist: 8 }, points: { size: 7 } },
        axes: [
          { ...axis, size: 34, space: 84, grid: { show: false }, values: timeTicks },
          { ...axis, side: 1, size: 78, gap: 10, grid: { stroke: () => colour("hair"), width: 1 }, values: moneyTicks },
        ],
        series: [{}, ...drawn.map(({ place }) => ({
          stroke: () => colour(`s${place + 1}`), width: 1.8, dash: DASHES[place], spanGaps: true,
          paths: uPlot.paths.stepped({ align: 1 }), points: { show: false },
        }))],
        hooks: { setCursor: [(u) => this.read(u, drawn)] },
      }, data, this.box);
    }

    read(u, drawn) {
      const index = u.cursor.idx;
      if (index === null || index === undefined) return (this.told.textContent = "");
      const at = u.data[0][index] * 1000;
      const levels = drawn.map(({ name }, i) => {
        for (let k = index; k >= 0; k -= 1) if (u.data[i + 1][k] !== null && u.data[i + 1][k] !== undefined) return `${name} ${money(u.data[i + 1][k])}`;
        return `${name} –`;
      });
      this.told.textContent = `${dateText(at)}: ${levels.join(" · ")}`;
    }
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.comparison = new Comparison(target);
    }
  }, { rootMargin: "200px" });

  start("section[data-compares]", (section) => near.observe(section));
}
