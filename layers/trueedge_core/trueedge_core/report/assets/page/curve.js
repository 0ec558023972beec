// Equity above, drawdown below: two charts with one crosshair and one range. The points are those of
// GET /metrics/equity_curve. A narrower range asks for that range's own points, so that zooming in shows more.
{
  const EQUITY = { height: 338, padding: [34, 0, 24, 0] }; // the frame of report/chart.py
  const DRAWDOWN = { height: 148, padding: [24, 0, 0, 0] };
  const SCALE_WIDTH = 78;
  const HALF_DAY = 43200;
  const MARGIN = 60; // the start stands a sixtieth of the range before the first trade
  const FONT = '12px "TE Sans", Inter, system-ui, sans-serif';

  const seconds = (text) => Date.parse(text) / 1000;

  // A microsecond later, exactly: "from" is inclusive, and the trade at this instant is counted already.
  function justAfter(text) {
    const [whole, fraction = ""] = text.slice(0, -1).split(".");
    const us = Number(fraction.padEnd(6, "0")) + 1;
    if (us < 1e6) return `${whole}.${String(us).padStart(6, "0")}Z`;
    return `${new Date(Date.parse(`${whole}Z`) + 1000).toISOString().slice(0, 19)}Z`;
  }

  function rows(points) {
    return points.map((p) => ({ ...p, at: seconds(p.time) }));
  }

  class Curve {
    constructor(figure) {
      this.bind(figure);
    }

    bind(figure) {
      this.figure = figure;
      this.url = figure.dataset.curve;
      this.start = Number(figure.dataset.start);
      this.box = find(".plots", figure);
      this.readout = find(".readout", figure);
      this.spoken = find(".spoken", figure);
      this.further = find(".further", figure);
      this.fall = figure.dataset.troughAt && {
        peakAt: figure.dataset.peakAt ? seconds(figure.dataset.peakAt) : null,
        peak: Number(figure.dataset.peak),
        troughAt: seconds(figure.dataset.troughAt),
        trough: Number(figure.dataset.trough),
      };
      this.voids = JSON.parse(figure.dataset.voids || "[]");
    }

    // Into the figure of a fresh page: the charts go along, and take its points.
    move(figure) {
      const live = find(".live", figure);
      live.replaceWith(this.live);
      this.bind(figure);
      this.buttons();
      this.box.classList.add("drawn");
      this.figure.dataset.drawn = "yes";
      this.detail = null;
      figure.curve = this;
      this.load().catch((error) => console.warn(error.message));
    }

    async load() {
      const answer = await ask(this.url);
      if (!answer.points.length) return;
      this.step = answer.step;
      this.base = rows(answer.points);
      this.detail = null;
      const [first, last] = [this.base[0].at, this.base.at(-1).at];
      const lead = first === last ? HALF_DAY : Math.max((last - first) / MARGIN, 0.001);
      this.whole = { min: first - lead, max: first === last ? last + HALF_DAY : last };
      if (!this.equity) this.make();
      else this.show(this.range ?? this.whole);
    }

    // Base points outside the range, the finer ones inside; before the first the starting balance.
    points() {
      const d = this.detail;
      const shown = d
        ? [...this.base.filter((p) => p.at <= d.after), ...d.points, ...this.base.filter((p) => p.at > d.until)]
        : this.base;
      const start = { at: this.whole.min, equity: this.start, high: this.start, low: this.start, drawdown: 0, trades: 0 };
      const end = { ...shown.at(-1), at: this.whole.max };
      return [start, ...shown, ...(end.at > shown.at(-1).at ? [end] : [])];
    }

    data() {
      const points = (this.shown = this.points());
      const column = (name) => points.map((p) => p[name]);
      const x = column("at");
      return [[x, column("equity"), column("high"), column("low")], [x, points.map((p) => -p.drawdown)]];
    }

    make() {
      const live = (this.live = find(".live", this.figure));
      const sync = { key: this.url, scales: ["x", null] };
      const stepped = uPlot.paths.stepped({ align: 1 });
      const unseen = { paths: () => null, points: { show: false } };
      const axis = { stroke: () => colour("soft"), font: FONT, ticks: { show: false } };
      const money = {
        ...axis, side: 1, size: SCALE_WIDTH, gap: 10, space: 48, grid: { stroke: () => colour("hair"), width: 1 },
        values: moneyTicks,
      };
      const common = {
        width: this.box.clientWidth,
        legend: { show: false },
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
        cursor: { sync, y: false, drag: { x: true, y: false, dist: 8 }, points: { size: 8, width: 2, fill: () => colour("paper") } },
      };
      const [above, below] = this.data();
      this.equity = new uPlot({
        ...common, ...EQUITY,
        scales: { x: { range: (u, min, max) => [min, max] }, y: { range: (u, min, max) => this.rangeOf(min, max) } },
        axes: [{ show: false }, money],
        series: [{}, {
          stroke: () => colour("accent"), width: 1.6, fill: () => colour("wash"), fillTo: () => this.start,
          paths: stepped, points: { show: false },
        }, unseen, unseen],
        hooks: {
          drawClear: [(u) => this.band(u)],
          drawSeries: [(u, i) => i === 1 && this.envelope(u)],
          draw: [(u) => this.marks(u)],
          setScale: [(u, key) => key === "x" && this.zoomed(u)],
          setCursor: [(u) => this.read(u)],
        },
      }, above, live);
      this.drawdown = new uPlot({
        ...common, ...DRAWDOWN,
        scales: { x: { range: (u, min, max) => [min, max] }, y: { range: (u, min) => [min || -1, 0] } },
        axes: [{ ...axis, size: 34, space: 84, grid: { show: false }, ticks: { stroke: () => colour("rule"), size: 5 }, values: timeTicks }, { ...money, space: 36 }],
        series: [{}, { stroke: () => colour("fall"), width: 1, fill: () => colour("fall-fill"), fillTo: 0, paths: stepped, points: { show: false } }],
        hooks: {
          drawClear: [(u) => this.band(u)],
          draw: [(u) => this.name(u, this.figure.dataset.drawdownLabel)],
          setScale: [(u, key) => key === "x" && this.zoomed(u)],
        },
      }, below, live);
      this.range = null;
      this.buttons();
      this.keys();
      this.touch();
      new ResizeObserver(() => this.fit()).observe(live);
      dark.addEventListener("change", () => this.both((u) => u.redraw(true, true)));
      this.box.classList.add("drawn");
      this.figure.dataset.drawn = "yes";
    }

    both(act) {
      act(this.equity);
      act(this.drawdown);
    }

    fit() {
      const width = this.box.clientWidth;
      if (width && width !== this.equity.width) {
        this.equity.setSize({ width, height: EQUITY.height });
        this.drawdown.setSize({ width, height: DRAWDOWN.height });
      }
    }

    rangeOf(min, max) {
      if (min === null) return [this.start - 1, this.start + 1];
      if (!this.range) [min, max] = [Math.min(min, this.start), Math.max(max, this.start)];
      return min === max ? [min - 1, max + 1] : [min, max];
    }

    // --- range ----------------------------------------------------------------------------------------------------

    show({ min, max }) {
      const [above, below] = this.data();
      this.equity.batch(() => {
        this.equity.setData(above, false);
        this.equity.setScale("x", { min, max });
      });
      this.drawdown.batch(() => {
        this.drawdown.setData(below, false);
        this.drawdown.setScale("x", { min, max });
      });
    }

    zoomed(u) {
      const { min, max } = u.scales.x;
      const other = u === this.equity ? this.drawdown : this.equity;
      if (!other || min === null) return; // the first is being made
      const narrow = min > this.whole.min + 1e-3 || max < this.whole.max - 1e-3;
      this.range = narrow ? { min, max } : null;
      if (other.scales.x.min !== min || other.scales.x.max !== max) other.setScale("x", { min, max });
      this.figure.dataset.range = narrow ? `${Math.round(min)}-${Math.round(max)}` : "all";
      for (const button of all("[data-range]", this.figure))
        button.setAttribute("aria-pressed", String(narrow === (button.dataset.range !== "All") && same(this.reach(button.dataset.range), { min, max })));
      this.offer();
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.refine(), 200);
    }

    // The figures of what is seen are one click away; the page then says so in its address.
    offer() {
      this.further.hidden = !this.range || carried !== null;
      if (!this.range) return;
      const day = (at, round) => new Date(round(at / 86400) * 86400000).toISOString().slice(0, 10);
      const url = new URL(this.figure.dataset.page, location.origin);
      url.searchParams.set("from", day(Math.max(this.range.min, this.base[0].at), Math.floor));
      url.searchParams.set("to", day(this.range.max + 1, Math.ceil));
      this.further.href = url.pathname + url.search;
    }

    async refine() {
      if (this.step === "trade" || carried) return;
      if (!this.range) {
        if (this.detail) {
          this.detail = null;
          delete this.figure.dataset.points;
          this.show(this.whole);
        }
        return;
      }
      const { min, max } = this.range;
      const before = this.base.filter((p) => p.at < min).at(-1);
      const after = this.base.find((p) => p.at >= max) ?? this.base.at(-1);
      if (!before && after === this.base.at(-1)) return;
      const url = new URL(this.url, location.origin);
      const level = before ? before.equity : this.start;
      if (before) url.searchParams.set("from", justAfter(before.time));
      url.searchParams.set("to", justAfter(after.time));
      // From a level at or above zero the server gives equity exactly; from below it the difference is added here.
      url.searchParams.set("starting_balance", level >= 0 ? plainNumber(level) : "0");
      const add = level >= 0 ? 0 : level;
      this.asking?.abort();
      this.asking = new AbortController();
      try {
        const answer = await ask(url.pathname + url.search, this.asking.signal);
        let peak = Math.max(this.start, ...this.base.filter((p) => before && p.at <= before.at).map((p) => p.high));
        const points = rows(answer.points).map((p) => {
          const [equity, high, low] = [p.equity + add, p.high + add, p.low + add];
          const drawdown = Math.max(p.drawdown, peak - low);
          peak = Math.max(peak, high);
          return { ...p, equity, high, low, drawdown };
        });
        this.detail = { after: before ? before.at : -Infinity, until: after.at, points };
        this.figure.dataset.points = points.length;
        if (this.range) this.show(this.range);
        clearTimeout(this.waiting); // what was shown is what was asked for
      } catch (error) {
        if (error.name !== "AbortError") console.warn(error.message); // the coarse points stay: they are right
      }
    }

    reach(name) {
      const end = new Date(this.whole.max * 1000);
      const [year, month, day] = [end.getUTCFullYear(), end.getUTCMonth(), end.getUTCDate()];
      const back = { "1M": [year, month - 1, day], "3M": [year, month - 3, day], "1Y": [year - 1, month, day], YTD: [year, 0, 1] }[name];
      const min = back ? Math.max(Date.UTC(...back) / 1000, this.whole.min) : this.whole.min;
      return { min: Math.min(min, this.whole.max - 1), max: this.whole.max };
    }

    buttons() {
      for (const button of all("[data-range]", this.figure)) {
        button.addEventListener("click", () => this.both((u) => u.setScale("x", this.reach(button.dataset.range))));
      }
    }

    // --- crosshair ------------------------------------------------------------------------------------------------

    read(u) {
      const p = u.cursor.idx === null || u.cursor.idx === undefined ? null : this.shown[u.cursor.idx];
      const text = p ? this.say(p) : "";
      this.readout.textContent = text;
      return text;
    }

    say(p) {
      const what = this.start || this.figure.dataset.what === "Equity" ? "equity" : "P&L";
      if (!p.trades) return `Start · ${what} ${money(p.equity)}`;
      const trades = `${grouped(p.trades, 0, 0)} ${p.trades === 1 ? "trade" : "trades"}`;
      return `${timeText(p.at * 1000)} · ${what} ${money(p.equity)} · drawdown ${money(-p.drawdown || 0)} · ${trades}`;
    }

    at(index) {
      const u = this.equity;
      this.index = Math.max(0, Math.min(this.shown.length - 1, index));
      const p = this.shown[this.index];
      u.setCursor({ left: u.valToPos(p.at, "x"), top: 10 });
      this.spoken.textContent = this.say(p);
    }

    zoom(factor) {
      const { min, max } = this.equity.scales.x;
      const middle = this.index ? Math.min(max, Math.max(min, this.shown[this.index].at)) : (min + max) / 2;
      const to = (edge, limit) => middle + (edge - middle) * factor;
      this.both((u) => u.setScale("x", { min: Math.max(to(min), this.whole.min), max: Math.min(to(max), this.whole.max) }));
    }

    keys() {
      const moves = {
        ArrowLeft: () => this.at((this.index ?? this.shown.length) - 1),
        ArrowRight: () => this.at((this.index ?? -1) + 1),
        Home: () => this.at(0),
        End: () => this.at(this.shown.length - 1),
        "+": () => this.zoom(0.5),
        "=": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        Escape: () => this.both((u) => u.setScale("x", this.whole)),
      };
      this.live.addEventListener("keydown", (event) => {
        const move = !event.ctrlKey && !event.metaKey && !event.altKey && moves[event.key];
        if (!move) return;
        event.preventDefault();
        move();
      });
      this.live.addEventListener("dblclick", () => this.both((u) => u.setScale("x", this.whole)));
    }

    // A finger moves the crosshair; up and down it still scrolls the page (touch-action).
    touch() {
      const u = this.equity;
      this.live.addEventListener("pointermove", (event) => {
        if (event.pointerType === "touch") u.setCursor({ left: event.clientX - u.over.getBoundingClientRect().left, top: 10 });
      });
    }

    // --- what is drawn beside the lines ---------------------------------------------------------------------------

    band(u) {
      if (!this.fall) return;
      const { ctx, bbox } = u;
      const left = u.valToPos(this.fall.peakAt ?? this.whole.min, "x", true);
      const right = u.valToPos(this.fall.troughAt, "x", true);
      const [from, to] = [Math.max(left, bbox.left), Math.min(right, bbox.left + bbox.width)];
      if (to <= from) return;
      ctx.fillStyle = colour("fall-wash");
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }

    envelope(u) {
      const { ctx } = u;
      const [x, , high, low] = u.data;
      const { min, max } = u.scales.x;
      ctx.save();
      ctx.beginPath();
      for (let i = 0; i < x.length; i += 1) {
        if (x[i] < min || x[i] > max || high[i] === low[i]) continue;
        const at = u.valToPos(x[i], "x", true);
        ctx.moveTo(at, u.valToPos(low[i], "y", true));
        ctx.lineTo(at, u.valToPos(high[i], "y", true));
      }
      ctx.strokeStyle = colour("band");
      ctx.lineWidth = 2.2 * uPlot.pxRatio;
      ctx.stroke();
      ctx.restore();
    }

    name(u, text) {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.font = `500 ${12 * uPlot.pxRatio}px "TE Sans", Inter, system-ui, sans-serif`;
      ctx.fillStyle = colour("soft");
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      ctx.fillText(text, bbox.left, bbox.top - 10 * uPlot.pxRatio);
      ctx.restore();
    }

    marks(u) {
      this.name(u, this.figure.dataset.equityLabel);
      const { ctx, bbox } = u;
      const px = uPlot.pxRatio;
      const seen = (at) => at >= u.scales.x.min && at <= u.scales.x.max;
      const dot = (at, value, fill, stroke, radius) => {
        ctx.beginPath();
        ctx.arc(u.valToPos(at, "x", true), u.valToPos(value, "y", true), radius * px, 0, 2 * Math.PI);
        ctx.fillStyle = fill;
        ctx.fill();
        ctx.strokeStyle = stroke;
        ctx.lineWidth = 2 * px;
        ctx.stroke();
      };
      ctx.save();
      if (this.fall) {
        const from = this.fall.peakAt ?? this.whole.min;
        if (seen(from)) dot(from, this.fall.peak, colour("paper"), colour("fall"), 4.5);
        if (seen(this.fall.troughAt)) dot(this.fall.troughAt, this.fall.trough, colour("fall"), colour("paper"), 4.5);
      }
      ctx.strokeStyle = colour("soft");
      ctx.lineWidth = 1.5 * px;
      for (const at of this.voids) {
        if (!seen(at)) continue;
        const [x, y, r] = [u.valToPos(at, "x", true), bbox.top + bbox.height + 8 * px, 3 * px];
        ctx.beginPath();
        ctx.moveTo(x - r, y - r);
        ctx.lineTo(x + r, y + r);
        ctx.moveTo(x + r, y - r);
        ctx.lineTo(x - r, y + r);
        ctx.stroke();
      }
      const last = this.base.at(-1);
      if (seen(last.at)) {
        const [x, y] = [bbox.left + bbox.width, u.valToPos(last.equity, "y", true)];
        ctx.fillStyle = colour("accent");
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.lineTo(x + 6 * px, y - 10 * px);
        ctx.lineTo(x + 78 * px, y - 10 * px);
        ctx.lineTo(x + 78 * px, y + 10 * px);
        ctx.lineTo(x + 6 * px, y + 10 * px);
        ctx.closePath();
        ctx.fill();
        ctx.fillStyle = colour("accent-ink");
        ctx.font = `600 ${12 * px}px "TE Sans", Inter, system-ui, sans-serif`;
        ctx.textAlign = "left";
        ctx.textBaseline = "middle";
        ctx.fillText(this.figure.dataset.endLabel, x + 10 * px, y);
      }
      ctx.restore();
    }
  }

  const same = (a, b) => Math.abs(a.min - b.min) < 1 && Math.abs(a.max - b.max) < 1;

  // Without an exponent, which the API's balance does not need; what a double holds, all of it.
  function plainNumber(value) {
    return value.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 18 });
  }

  start("figure[data-curve]", (figure) => {
    if (figure.curve) return; // it was moved here
    const curve = new Curve(figure);
    figure.curve = curve;
    curve.load().catch((error) => (figure.dataset.drawn = `no: ${error.message}`)); // the drawing of the server stays
  });
}
