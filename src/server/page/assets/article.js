// The text with its mentions: plain paragraphs, an element around each mention, and passages that are marked without
// any element, through the browser's highlights.

import { element } from "./dom.js";
import { polarityClass, polarityWord, typeClass, typeWord } from "./words.js";

/** Characters up to which the first line passes for a headline. */
const HEADLINE = 160;

/** The text on the page. Spans count UTF-16 units, as the strings of JavaScript do. */
export class Article {
  /** Puts the text into `root`. `onSelect` gets the number of a mention that is clicked or entered. */
  constructor(root, text, tagged, onSelect) {
    this.root = root;
    /** The element of each mention. */
    this.marks = [];
    /** The text nodes in their order, and where each starts. */
    this.nodes = [];
    this.starts = [];
    const paragraphs = [];
    let start = 0;
    let next = 0;
    for (const line of text.split("\n")) {
      const end = start + line.length;
      const paragraph = element("p");
      let at = start;
      for (; next < tagged.mentions.length && tagged.mentions[next].span.start < end; next += 1) {
        const { span } = tagged.mentions[next];
        const until = Math.min(span.end, end);
        this.append(paragraph, text, at, span.start);
        const mark = this.mark(tagged.mentions[next], next, onSelect);
        this.append(mark, text, span.start, until);
        paragraph.append(mark);
        at = until;
      }
      this.append(paragraph, text, at, end);
      if (line.trim() !== "") paragraphs.push(paragraph);
      start = end + 1;
    }
    const [first] = paragraphs;
    if (paragraphs.length > 1 && first.textContent.length <= HEADLINE) first.className = "headline";
    root.replaceChildren(...paragraphs);
    root.lang = tagged.language === "und" ? "" : tagged.language;
  }

  append(parent, text, start, end) {
    if (start >= end) return;
    const node = document.createTextNode(text.slice(start, end));
    parent.append(node);
    this.nodes.push(node);
    this.starts.push(start);
  }

  mark(mention, index, onSelect) {
    const polarity = mention.stance?.polarity;
    const judged = polarity && polarityClass(polarity) !== "neu" ? `, ${polarityWord(polarity)}` : "";
    const mark = element("span", {
      className: `mention ${typeClass(mention.type)} ${polarityClass(polarity)}`,
      role: "button",
      tabIndex: 0,
      "aria-pressed": "false",
      "aria-label": `${mention.text}, ${typeWord(mention.type).toLowerCase()}${judged}`,
      "data-mention": index,
    });
    mark.onclick = () => onSelect(index);
    mark.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        onSelect(index);
      } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        const other = this.marks[index + (event.key === "ArrowRight" ? 1 : -1)];
        if (other === undefined) return;
        event.preventDefault();
        other.focus();
      }
    };
    this.marks.push(mark);
    return mark;
  }

  /** The passage of a span as the browser knows it. */
  range({ start, end }) {
    const first = this.nodeAt(start);
    return this.between(first, start, Math.max(first, this.nodeAt(end - 1)), end);
  }

  between(first, start, last, end) {
    const within = (node, offset) => Math.max(0, Math.min(offset - this.starts[node], this.nodes[node].length));
    const range = new Range();
    range.setStart(this.nodes[first], within(first, start));
    range.setEnd(this.nodes[last], within(last, end));
    return range;
  }

  /** The text node that an offset falls into. */
  nodeAt(offset) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The parts of a span that belong to no mention. */
  plain({ start, end }) {
    const ranges = [];
    for (let node = this.nodeAt(start); node < this.nodes.length && this.starts[node] < end; node += 1) {
      if (this.nodes[node].parentNode.localName === "p") ranges.push(this.between(node, start, node, end));
    }
    return ranges;
  }

  /**
   * Marks passages under a name that the style sheet knows, in place of those that were marked before. Mentions keep
   * their own colours.
   */
  highlight(name, spans) {
    // Browsers without highlights show the passages beside the text only.
    if (CSS.highlights === undefined || this.nodes.length === 0) return;
    CSS.highlights.set(name, new Highlight(...spans.flatMap((span) => this.plain(span))));
  }

  /** Shows which mentions are selected, and which others have to do with them. */
  select(selected, related) {
    const any = selected.size + related.size > 0;
    this.root.classList.toggle("has-selection", any);
    this.marks.forEach((mark, index) => {
      mark.classList.toggle("selected", selected.has(index));
      mark.classList.toggle("related", related.has(index));
      mark.setAttribute("aria-pressed", String(selected.has(index)));
    });
  }

  /** Brings a passage into view, unless it is. */
  show(span) {
    if (this.nodes.length === 0) return;
    const box = this.range(span).getBoundingClientRect();
    const hidden = document.body.classList.contains("has-sheet") ? window.innerHeight * 0.5 : 0;
    if (box.top > 60 && box.bottom < window.innerHeight - hidden - 20) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const top = window.scrollY + box.top - (window.innerHeight - hidden) / 3;
    window.scrollTo({ top, behavior: calm ? "auto" : "smooth" });
  }
}
