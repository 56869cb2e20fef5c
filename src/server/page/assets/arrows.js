// Stances as arrows over the text, from who holds a stance to whom it is about: ▸ where it is favourable, a bar where
// it is not. The author and unnamed holders stand in the margin.

import { svg } from "./dom.js";
import { BY_AUTHOR, BY_MENTION, FAVORABLE } from "./messages.js";

/** Arrows beyond this number are drawn only where they can be seen. */
const MANY = 150;

/** Pixels between arrows that end at one mention. */
const APART = 9;

export class Arrows {
  /** Draws over an article. */
  constructor(article, stances) {
    this.article = article;
    this.stances = stances;
    this.mode = "all";
    this.active = new Set();
    this.curves = [];
    this.canvas = svg("svg", { class: "arrows", "aria-hidden": "true" });
    article.root.append(this.canvas);
    // Fonts that come late and windows that change move the words.
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(article.root);
    if (stances.length > MANY) {
      this.onScroll = () => requestAnimationFrame(() => this.draw());
      addEventListener("scroll", this.onScroll, { passive: true });
    }
  }

  /** Says which are drawn ("all", "selected" or "none") and which stand out. */
  show(mode, active) {
    this.mode = mode;
    this.active = active;
    this.draw();
  }

  end() {
    this.observer.disconnect();
    if (this.onScroll) removeEventListener("scroll", this.onScroll);
  }

  /** Looks where the mentions stand: all of it is read before anything is written. */
  measure() {
    const { root, marks } = this.article;
    const base = root.getBoundingClientRect();
    const margin = parseFloat(getComputedStyle(root).paddingLeft);
    const boxes = new Map();
    const box = (index) => {
      if (!boxes.has(index)) {
        // A mention may go over the end of a line: its longest part counts.
        const parts = [...marks[index].getClientRects()];
        const part = parts.reduce((best, one) => (one.width > best.width ? one : best), parts[0]);
        boxes.set(index, {
          left: part.left - base.left, right: part.right - base.left, top: part.top - base.top, bottom: part.bottom - base.top,
        });
      }
      return boxes.get(index);
    };
    const ends = new Map();
    const place = (index) => {
      const taken = ends.get(index) ?? 0;
      ends.set(index, taken + 1);
      const { left, right } = box(index);
      // The middle, then by turns right and left of it.
      const side = (taken % 2 ? 1 : -1) * Math.ceil(taken / 2) * APART;
      const room = Math.max(0, (right - left) / 2 - 4);
      return (left + right) / 2 + Math.max(-room, Math.min(room, side));
    };
    this.curves = this.stances.map((stance, index) => {
      const target = box(stance.target);
      const end = { x: place(stance.target), ...target };
      const named = stance.holderKind === BY_MENTION && stance.holder !== undefined;
      const curve = named
        ? between({ x: place(stance.holder), ...box(stance.holder) }, end)
        : fromMargin(margin / 2, end, stance.holderKind);
      return { ...curve, index, favorable: stance.polarity === FAVORABLE };
    });
    this.canvas.setAttribute("viewBox", `0 0 ${base.width} ${base.height}`);
    this.canvas.setAttribute("width", base.width);
    this.canvas.setAttribute("height", base.height);
    this.draw();
  }

  draw() {
    const top = -this.article.root.getBoundingClientRect().top - 200;
    const bottom = top + innerHeight + 400;
    const seen = ({ top: from, bottom: to }) => this.curves.length <= MANY || (to > top && from < bottom);
    const wanted = this.curves.filter((curve) => {
      const isActive = this.active.has(curve.index);
      return (this.mode === "all" || (this.mode === "selected" && isActive)) && seen(curve);
    });
    // Those that stand out lie on top.
    wanted.sort((a, b) => this.active.has(a.index) - this.active.has(b.index));
    this.canvas.replaceChildren(...wanted.map((curve) => this.arrow(curve)));
    this.canvas.classList.toggle("has-active", this.active.size > 0);
  }

  arrow(curve) {
    const state = this.active.has(curve.index) ? "active" : "";
    const group = svg("g", { class: `arrow ${curve.favorable ? "fav" : "unf"} ${state}`, "data-stance": curve.index });
    group.append(svg("path", { class: "halo", d: curve.path }), svg("path", { d: curve.path }));
    group.append(svg("path", { class: "head", d: head(curve) }));
    if (curve.badge) {
      const { x, y, sign } = curve.badge;
      const label = svg("text", { x, y: y + 3.5 });
      label.textContent = sign;
      group.append(svg("circle", { cx: x, cy: y, r: 9 }), label);
    } else {
      group.append(svg("circle", { class: "start", cx: curve.from.x, cy: curve.from.y, r: 2.5 }));
    }
    return group;
  }
}

/** From one mention to another: over the line where both stand on one, else from line to line. */
function between(from, to) {
  const sameLine = Math.abs(from.top - to.top) < (to.bottom - to.top) / 2;
  if (sameLine) {
    const start = { x: from.x, y: from.top };
    const end = { x: to.x, y: to.top - 3 };
    const rise = Math.min(30, 9 + Math.abs(end.x - start.x) * 0.09);
    return cubic(start, { x: start.x + (end.x - start.x) * 0.2, y: start.y - rise }, { x: end.x - (end.x - start.x) * 0.2, y: end.y - rise }, end);
  }
  const down = to.top > from.top;
  const start = { x: from.x, y: down ? from.bottom : from.top };
  const end = { x: to.x, y: down ? to.top - 3 : to.bottom + 3 };
  const bend = Math.max(14, Math.min(90, Math.abs(end.y - start.y) * 0.55)) * (down ? 1 : -1);
  return cubic(start, { x: start.x, y: start.y + bend }, { x: end.x, y: end.y - bend }, end);
}

/** From the margin, along the gap above the target's line. */
function fromMargin(x, to, kind) {
  const y = (to.top + to.bottom) / 2;
  const start = { x: x + 9, y: y - 3 };
  const end = { x: to.x, y: to.top - 3 };
  const rise = Math.min(16, 9 + (end.x - start.x) * 0.02);
  const curve = cubic(start, { x: start.x + (end.x - start.x) * 0.12, y: to.top - rise }, { x: end.x - Math.min(40, (end.x - start.x) * 0.2), y: to.top - rise }, end);
  return { ...curve, badge: { x, y, sign: kind === BY_AUTHOR ? "A" : "?" } };
}

function cubic(from, a, b, to) {
  const path = `M${at(from)}C${at(a)} ${at(b)} ${at(to)}`;
  const heights = [from.y, a.y, b.y, to.y];
  return { path, from, to, angle: Math.atan2(to.y - b.y, to.x - b.x), top: Math.min(...heights), bottom: Math.max(...heights) };
}

/** The head of an arrow: a point for, a bar against. */
function head({ to, angle, favorable }) {
  const turned = (along, across) => ({
    x: to.x + along * Math.cos(angle) - across * Math.sin(angle),
    y: to.y + along * Math.sin(angle) + across * Math.cos(angle),
  });
  if (favorable) return `M${at(turned(2, 0))}L${at(turned(-6, 4))}L${at(turned(-6, -4))}Z`;
  return `M${at(turned(1, 5.5))}L${at(turned(1, -5.5))}L${at(turned(-1.4, -5.5))}L${at(turned(-1.4, 5.5))}Z`;
}

function at({ x, y }) {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
