// What stands beside the text: who stands where, the tone, entities, quotes, and a card for what is selected.

import { element, shortened } from "./dom.js";
import { FAVORABLE, UNFAVORABLE } from "./messages.js";
import {
  count, isMention, percent, polarityClass, polarityWord, score, typeClass, typeWord, unmentioned,
} from "./words.js";

/** A tagged document with the questions that the page asks of it. */
export class Reading {
  /** `watched` has the names of each target that was asked about. */
  constructor(text, tagged, watched) {
    this.text = text;
    this.tagged = tagged;
    this.watched = watched;
  }

  passage({ start, end }) {
    return this.text.slice(start, end);
  }

  entityOf(mention) {
    return this.tagged.mentions[mention]?.entity;
  }

  /** The name by which a mention is known. */
  nameOf(mention) {
    const entity = this.tagged.entities[this.entityOf(mention)];
    return entity?.name ?? this.tagged.mentions[mention]?.text ?? "";
  }

  /** Who holds a stance: a name, or words for somebody without one. */
  holder({ holderKind, holder }) {
    return isMention(holderKind) && holder !== undefined ? this.nameOf(holder) : unmentioned(holderKind);
  }

  /** The stances toward some mentions, or held by them. */
  stancesOf(mentions) {
    const of = new Set(mentions);
    const numbered = this.tagged.stances.map((stance, index) => ({ ...stance, index }));
    return {
      toward: numbered.filter(({ target }) => of.has(target)),
      held: numbered.filter(({ holder }) => holder !== undefined && of.has(holder)),
    };
  }
}

/** A button for a name; its colour says what is named. */
function name(text, type, onclick) {
  return element("button", { type: "button", className: `name ${type === undefined ? "" : typeClass(type)}`, textContent: text, onclick });
}

/** The two sides: for each target who is for it on the left and who is against it on the right. */
export function sides(root, reading, select) {
  const { tagged } = reading;
  const rows = new Map();
  tagged.stances.forEach((stance, index) => {
    const entity = reading.entityOf(stance.target);
    const key = entity ?? `mention ${stance.target}`;
    const row = rows.get(key) ?? { entity, target: stance.target, favorable: new Map(), unfavorable: new Map() };
    rows.set(key, row);
    const side = stance.polarity === FAVORABLE ? row.favorable : row.unfavorable;
    const holder = reading.holder(stance);
    side.set(holder, [...(side.get(holder) ?? []), index]);
  });
  if (rows.size === 0) {
    root.replaceChildren(element("p", { className: "none", textContent: "Nobody takes a side in this text." }));
    return;
  }
  const sized = [...rows.values()].sort((a, b) => b.favorable.size + b.unfavorable.size - a.favorable.size - a.unfavorable.size);
  const side = (holders, polarity, target) => {
    const items = [...holders].map(([holder, stances]) => {
      const number = stances.length > 1 ? ` ×${stances.length}` : "";
      const { holder: mention } = tagged.stances[stances[0]];
      const button = name(holder, mention === undefined ? undefined : tagged.mentions[mention]?.type, () => select({ kind: "stances", stances }));
      button.classList.toggle("unmentioned", mention === undefined);
      button.append(element("span", { className: "number", textContent: number }));
      button.setAttribute("aria-label", `${holder} is ${polarityWord(polarity)} to ${target}`);
      return element("li", {}, button);
    });
    return element("ul", { className: `side ${polarityClass(polarity)}` }, ...items);
  };
  const items = sized.map(({ entity, target, favorable, unfavorable }) => {
    const title = reading.nameOf(target);
    const type = tagged.mentions[target].type;
    const go = () => select(entity === undefined ? { kind: "mention", mention: target } : { kind: "entity", entity });
    return element(
      "li",
      { className: "target" },
      side(favorable, FAVORABLE, title),
      element("p", { className: "about" }, name(title, type, go)),
      side(unfavorable, UNFAVORABLE, title),
    );
  });
  const list = element("ul", { className: "targets" });
  const heads = element(
    "p",
    { className: "heads", "aria-hidden": "true" },
    element("span", { className: "fav", textContent: "Favourable" }),
    element("span", { textContent: "to" }),
    element("span", { className: "unf", textContent: "Unfavourable" }),
  );
  root.replaceChildren(heads, ...shortened(list, items, 10));
}

/** What the text says of each target of the watchlist. */
export function targets(root, reading, select) {
  const { targets: answers } = reading.tagged;
  if (answers.length === 0) {
    root.replaceChildren(element("p", { className: "none", textContent: "This server answers no watchlist." }));
    return;
  }
  const items = answers.map((answer, index) => {
    const title = targetName(reading, answer);
    if (answer.spans.length === 0) {
      return element("li", {}, element("span", { className: "name unmentioned", textContent: title }), element("p", { className: "facts", textContent: "not named" }));
    }
    const button = name(title, undefined, () => select({ kind: "target", target: index }));
    return element("li", {}, button, element("p", { className: "facts", textContent: prominence(answer) }), leaning(answer.stance));
  });
  root.replaceChildren(...shortened(element("ul", { className: "watched" }), items, 20));
}

/** The name that a target was given first. */
function targetName(reading, { id }) {
  return reading.watched[Number(id) - 1]?.[0] ?? id;
}

function prominence({ spans, prominence: known }) {
  const parts = [`named ${count(spans.length, "time")}`];
  if (known?.inHeadline) parts.push("in the headline");
  else if (known?.inFirstParagraph) parts.push("in the first paragraph");
  return parts.join(", ");
}

/** A stance over the whole text as a bar from the middle: left where it is favourable, right where it is not. */
function leaning(stance) {
  const value = stance?.score ?? 0;
  const judged = (stance?.favorableCount ?? 0) + (stance?.unfavorableCount ?? 0) > 0;
  const bar = element("span", {
    className: `leaning ${polarityClass(value > 0 ? FAVORABLE : UNFAVORABLE)}`,
    style: { "--value": Math.abs(value).toFixed(3) },
  });
  return element("div", { className: "stance" }, judged ? bar : "", element("span", { className: "number", textContent: judged ? score(value) : "–" }));
}

/** The tone of the document, and a bar for each sentence: up where it is favourable, down where it is not. */
export function tone(root, reading, select) {
  const { sentences, sentiment } = reading.tagged;
  if (sentiment === undefined) {
    root.replaceChildren(element("p", { className: "none", textContent: "There is no sentence in this text." }));
    return;
  }
  const whole = element(
    "p",
    { className: `whole ${polarityClass(sentiment.polarity)}` },
    element("b", { textContent: polarityWord(sentiment.polarity) }),
    ` ${score(sentiment.score)} over the whole text`,
  );
  const bars = sentences.map((sentence, index) => {
    const value = sentence.sentiment?.score ?? 0;
    const bar = element("button", {
      type: "button",
      className: polarityClass(sentence.sentiment?.polarity),
      tabIndex: index === 0 ? 0 : -1,
      title: reading.passage(sentence.span).slice(0, 120),
      "aria-label": `Sentence ${index + 1} of ${sentences.length}: ${polarityWord(sentence.sentiment?.polarity)} ${score(value)}`,
      style: { "--value": Math.abs(value).toFixed(3) },
      onclick: () => select({ kind: "sentence", sentence: index }),
    });
    bar.classList.toggle("up", value > 0);
    return bar;
  });
  const strip = element("div", { className: "tones", role: "group", "aria-label": "The tone of each sentence; arrow keys go from one to the next" }, ...bars);
  strip.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const here = bars.indexOf(document.activeElement);
    const there = bars[here + step];
    if (step === undefined || there === undefined) return;
    event.preventDefault();
    bars[here].tabIndex = -1;
    there.tabIndex = 0;
    there.focus();
  };
  root.replaceChildren(whole, strip);
}

/** The entities with how prominent they are and how they come off. */
export function entities(root, reading, select) {
  const { entities: all } = reading.tagged;
  if (all.length === 0) {
    root.replaceChildren(element("p", { className: "none", textContent: "The text names nobody and nothing." }));
    return;
  }
  const most = Math.max(...all.map(({ salience }) => salience), 1e-6);
  const rows = all.map((entity, index) => {
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, name(entity.name, entity.type, () => select({ kind: "entity", entity: index })),
        element("span", { className: "kind", textContent: typeWord(entity.type) })),
      element("td", { className: "number", textContent: entity.mentions.length }),
      element("td", {}, element("span", { className: "bar", style: { "--value": (entity.salience / most).toFixed(3) } }),
        element("span", { className: "number", textContent: percent(entity.salience) })),
      element("td", {}, leaning(entity.stance)),
    );
  });
  const head = element("tr", {}, ...["Name", "Times", "Salience", "Stance"].map((title) => element("th", { scope: "col", textContent: title })));
  const body = element("tbody");
  const [, ...more] = shortened(body, rows, 12);
  root.replaceChildren(element("table", {}, element("thead", {}, head), body), ...more);
}

/** The quotes with their speakers. */
export function quotes(root, reading, select) {
  const { quotes: all, mentions } = reading.tagged;
  if (all.length === 0) {
    root.replaceChildren(element("p", { className: "none", textContent: "Nobody is quoted." }));
    return;
  }
  const items = all.map((quote, index) => {
    const named = isMention(quote.speakerKind) && quote.speaker !== undefined;
    const speaker = named
      ? name(reading.nameOf(quote.speaker), mentions[quote.speaker]?.type, () => select({ kind: "quote", quote: index }))
      : name(unmentioned(quote.speakerKind), undefined, () => select({ kind: "quote", quote: index }));
    speaker.classList.toggle("unmentioned", !named);
    return element("li", {}, element("blockquote", { textContent: reading.passage(quote.span) }), speaker);
  });
  root.replaceChildren(...shortened(element("ul", { className: "quotes" }), items, 8));
}

/** The card of what is selected. */
export function card(root, reading, selection, select, close) {
  const { tagged } = reading;
  const body = [];
  switch (selection.kind) {
    case "mention": {
      const entity = reading.entityOf(selection.mention);
      body.push(...about(reading, entity, selection.mention, select));
      break;
    }
    case "entity":
      body.push(...about(reading, selection.entity, undefined, select));
      break;
    case "stances":
      body.push(element("h3", { textContent: selection.stances.length > 1 ? "Stances" : "A stance" }));
      body.push(...selection.stances.map((index) => claim(reading, { ...tagged.stances[index], index }, select)));
      break;
    case "target": {
      const answer = tagged.targets[selection.target];
      const title = targetName(reading, answer);
      body.push(element("p", { className: "kind", textContent: "Watched" }), element("h3", { textContent: title }));
      body.push(element("p", { className: "facts", textContent: prominence(answer) }));
      const claims = answer.stances.map((stance) => claim(reading, stance, select, element("b", { textContent: answer.spans[stance.span]?.text ?? title })));
      if (claims.length === 0) body.push(element("p", { textContent: "Nobody takes a side on it." }));
      body.push(...shortened(element("div"), claims, 5));
      break;
    }
    case "quote": {
      const quote = tagged.quotes[selection.quote];
      const named = isMention(quote.speakerKind) && quote.speaker !== undefined;
      body.push(element("h3", { textContent: "A quote" }), element("blockquote", { textContent: reading.passage(quote.span) }));
      body.push(element("p", {}, "Said by ", named ? mentionButton(reading, quote.speaker, select) : unmentioned(quote.speakerKind), "."));
      break;
    }
    default: {
      const sentence = tagged.sentences[selection.sentence];
      body.push(element("h3", { textContent: `Sentence ${selection.sentence + 1} of ${tagged.sentences.length}` }));
      body.push(element("blockquote", { textContent: reading.passage(sentence.span) }));
      if (sentence.sentiment) body.push(...distribution("Tone", sentence.sentiment));
    }
  }
  const shut = element("button", { type: "button", className: "close", textContent: "Close", title: "Escape", onclick: close });
  root.replaceChildren(shut, ...body);
}

function mentionButton(reading, mention, select) {
  const { type } = reading.tagged.mentions[mention];
  return name(reading.nameOf(mention), type, () => select({ kind: "mention", mention }));
}

/** All that is known of an entity, and of the one mention that was chosen. */
function about(reading, entity, mention, select) {
  const { tagged } = reading;
  const known = tagged.entities[entity];
  const mentions = known?.mentions ?? [mention];
  const { type } = known ?? tagged.mentions[mention];
  const title = known?.name ?? tagged.mentions[mention].text;
  const parts = [
    element("p", { className: `kind ${typeClass(type)}`, textContent: typeWord(type) }),
    element("h3", { textContent: title }),
  ];
  const place = mention === undefined ? 0 : mentions.indexOf(mention);
  const go = (step) => select({ kind: "mention", mention: mentions[(place + step + mentions.length) % mentions.length] });
  const facts = mention === undefined
    ? `${count(mentions.length, "mention")}, ${percent(known?.salience ?? 0)} of the salience`
    : `Mention ${place + 1} of ${mentions.length}, ${percent(tagged.mentions[mention].probability)} sure`;
  const row = element("p", { className: "facts" }, facts);
  if (mention === undefined) {
    row.append(element("button", { type: "button", textContent: "First mention", onclick: () => select({ kind: "mention", mention: mentions[0] }) }));
  } else if (mentions.length > 1) {
    row.append(
      element("button", { type: "button", textContent: "Previous", onclick: () => go(-1) }),
      element("button", { type: "button", textContent: "Next", onclick: () => go(1) }),
    );
  }
  parts.push(row);
  const stance = mention === undefined ? undefined : tagged.mentions[mention].stance;
  if (stance) parts.push(...distribution("Stance toward this mention", stance));
  const { toward, held } = reading.stancesOf(mention === undefined ? mentions : [mention]);
  const heldByAll = mention === undefined ? held : reading.stancesOf(mentions).held;
  for (const [heading, stances] of [[`Who stands where on ${title}`, toward], [`Where ${title} stands`, heldByAll]]) {
    if (stances.length === 0) continue;
    const claims = stances.map((one) => claim(reading, one, select));
    parts.push(element("h4", { textContent: heading }), ...shortened(element("div"), claims, 5));
  }
  return parts;
}

/** One stance in a sentence, with the passage that carries it. */
function claim(reading, stance, select, target = mentionButton(reading, stance.target, select)) {
  const named = isMention(stance.holderKind) && stance.holder !== undefined;
  const text = reading.holder(stance);
  const holder = named
    ? mentionButton(reading, stance.holder, select)
    : element("span", { className: "unmentioned", textContent: text.charAt(0).toUpperCase() + text.slice(1) });
  const sure = `${percent(stance.probability)} sure, ${percent(stance.holderProbability)} of the holder`;
  const parts = [
    element("p", {}, holder, " is ", element("b", { className: polarityClass(stance.polarity), textContent: polarityWord(stance.polarity) }),
      " to ", target, element("small", { textContent: sure })),
  ];
  if (stance.evidence) {
    const passage = reading.passage(stance.evidence);
    const show = () => select({ kind: "stances", stances: [stance.index] });
    const content = stance.index === undefined ? passage : element("button", { type: "button", className: "passage", textContent: passage, onclick: show });
    parts.push(element("blockquote", {}, content));
  }
  return element("div", { className: `claim ${polarityClass(stance.polarity)}` }, ...parts);
}

/** The three probabilities as one bar. */
function distribution(title, { probabilities, polarity, score: value }) {
  const parts = [["fav", probabilities?.favorable ?? 0], ["neu", probabilities?.neutral ?? 0], ["unf", probabilities?.unfavorable ?? 0]];
  const words = `${percent(parts[0][1])} favourable, ${percent(parts[1][1])} neutral, ${percent(parts[2][1])} unfavourable`;
  return [
    element("p", { className: "measure" }, `${title}: `, element("b", { className: polarityClass(polarity), textContent: polarityWord(polarity) }), ` ${score(value)}`),
    element("div", { className: "shares", role: "img", "aria-label": words, title: words },
      ...parts.map(([side, share]) => element("i", { className: side, style: { "flex-grow": share.toFixed(4) } }))),
  ];
}
