// The page: takes a text, has it tagged, and shows what was found. Nothing is kept beyond the page.

import { Arrows } from "./arrows.js";
import { Article } from "./article.js";
import { CODE, Failure, identify, info, isIdentified, tag } from "./call.js";
import { byId, element } from "./dom.js";
import { card, entities, quotes, Reading, sides, targets, tone } from "./findings.js";
import { BY_AUTHOR, BY_MENTION, BY_UNNAMED, OFFSET_UNIT_UTF16 } from "./messages.js";
import { bytes, count, explain, language, percent, polarityWord, score, TYPES } from "./words.js";

const EXAMPLES = ["de", "en", "es", "fr", "it", "nl", "pl", "pt"];

/** Bytes of a text that the server takes, until it has said so itself. */
const USUAL_LIMIT = 1 << 20;

const text = byId("text");
const article = byId("article");

/** What the server accepts, once it has said so. */
let limits;
/** What is shown: the reading, its article and arrows. */
let shown;
/** The call on its way. */
let running;

// --- What goes in

function size() {
  const length = new TextEncoder().encode(text.value).length;
  const most = limits?.maxDocumentBytes;
  const over = most !== undefined && length > most;
  byId("size").textContent = length === 0 ? "" : bytes(length) + (over ? `: more than the ${bytes(most)} that the server takes` : "");
  byId("tag").disabled = text.value === "";
}

async function read(file) {
  try {
    const most = limits?.maxDocumentBytes ?? USUAL_LIMIT;
    // In UTF-8 a text of another encoding may be shorter; the server counts what it gets.
    if (file.size > 2 * most) throw new Error(`it has ${bytes(file.size)}, and the server takes ${bytes(most)}`);
    const content = new Uint8Array(await file.arrayBuffer());
    if (new TextDecoder("latin1").decode(content.subarray(0, 5)) === "%PDF-") throw new Error("it is a PDF; copy its text and paste it");
    let decoded;
    let note = "";
    try {
      decoded = new TextDecoder("utf-8", { fatal: true }).decode(content);
    } catch {
      if (content.includes(0)) throw new Error("it holds no plain text");
      decoded = new TextDecoder("windows-1252").decode(content);
      note = ", read as Windows-1252 since it is not UTF-8";
    }
    compose(decoded);
    byId("file").textContent = `from ${file.name}${note}`;
    say(`${file.name} is read.`);
  } catch (error) {
    complain({ headline: `${file.name} cannot be read`, lines: [`${error.message}.`] });
  }
}

/** Back to the text. */
function compose(value) {
  running?.abort();
  if (value !== undefined) text.value = value;
  byId("file").textContent = "";
  document.body.dataset.state = "compose";
  byId("result").hidden = true;
  hideError();
  clear();
  size();
  text.focus();
}

// --- The call

/** The names of each target of the watchlist. */
function watchlist() {
  const lines = byId("watchlist").value.split("\n");
  const targets = lines.map((line) => line.split("|").map((name) => name.trim()).filter((name) => name !== ""));
  return targets.filter((names) => names.length > 0);
}

async function submit() {
  if (text.value === "" || running) return;
  hideError();
  const controller = new AbortController();
  running = controller;
  const value = text.value.toWellFormed?.() ?? text.value;
  const began = performance.now();
  const elapsed = () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    byId("elapsed").textContent = seconds < 2 ? "Reading…" : `Reading for ${seconds} seconds…`;
  };
  elapsed();
  const clock = setInterval(elapsed, 500);
  byId("running").hidden = false;
  byId("compose").inert = true;
  byId("cancel").focus();
  try {
    const document = { text: value, language: byId("language").value };
    const watched = watchlist();
    const targets = watched.map((names, index) => ({ id: String(index + 1), names }));
    const tagged = await tag({ document, options: { offsetUnit: OFFSET_UNIT_UTF16, targets } }, controller.signal);
    present(new Reading(value, tagged, watched), performance.now() - began);
  } catch (error) {
    if (running !== controller) return;
    byId("compose").inert = false;
    if (error.code === CODE.cancelled) {
      say("Cancelled.");
      byId("tag").focus();
    } else {
      fail(error, submit);
    }
  } finally {
    clearInterval(clock);
    if (running === controller) {
      running = undefined;
      byId("running").hidden = true;
      byId("compose").inert = false;
    }
  }
}

function fail(error, again) {
  if (!(error instanceof Failure)) throw error;
  if (error.code === CODE.unauthenticated) {
    byId("key-reason").textContent = isIdentified()
      ? `The server does not let you in: ${error.message}.`
      : "This server asks who calls.";
    byId("key").hidden = false;
    byId("key").onsubmit = (event) => {
      event.preventDefault();
      identify(byId("credential").value);
      byId("key").hidden = true;
      again();
    };
    byId("credential").focus();
    return;
  }
  complain(explain(error), again);
}

let countdown;

/** Says in words what went wrong, and when it can be tried again. */
function complain({ headline, lines, seconds }, again) {
  const box = byId("error");
  clearInterval(countdown);
  const parts = [element("h2", { textContent: headline }), ...lines.map((line) => element("p", { textContent: line }))];
  if (seconds !== undefined && again !== undefined) {
    const button = element("button", { type: "button", className: "primary", onclick: () => { hideError(); again(); } });
    let left = seconds;
    const show = () => {
      button.disabled = left > 0;
      button.textContent = left > 0 ? `Try again in ${count(left, "second")}` : "Try again";
      if (left === 0) clearInterval(countdown);
      left -= 1;
    };
    show();
    countdown = setInterval(show, 1000);
    parts.push(element("p", {}, button));
  }
  box.replaceChildren(...parts);
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function hideError() {
  clearInterval(countdown);
  byId("error").hidden = true;
}

/** For those who hear the page. */
function say(words) {
  byId("announce").textContent = words;
}

// --- What comes out

function present(reading, milliseconds) {
  clear();
  const { text: value, tagged, watched } = reading;
  document.body.dataset.state = "reading";
  byId("result").hidden = false;
  const laid = new Article(article, value, tagged, (mention) => select({ kind: "mention", mention }));
  shown = { reading, article: laid, arrows: new Arrows(laid, tagged.stances) };
  laid.highlight("watched", tagged.targets.flatMap(({ spans }) => spans.map(({ span }) => span)));
  laid.highlight("quote", tagged.quotes.map(({ span }) => span));
  byId("watched").hidden = watched.length === 0;
  targets(byId("targets"), reading, select);
  sides(byId("sides"), reading, select);
  tone(byId("tone"), reading, select);
  entities(byId("entities"), reading, select);
  quotes(byId("quotes"), reading, select);
  facts(tagged, milliseconds);
  const holders = new Set(tagged.stances.map(({ holderKind }) => holderKind));
  byId("by-author").hidden = !holders.has(BY_AUTHOR);
  byId("by-unnamed").hidden = !holders.has(BY_UNNAMED);
  arrows();
  window.scrollTo({ top: 0 });
  const { mentions, stances } = tagged;
  say(`${count(mentions.length, "mention")} and ${count(stances.length, "stance")} found.`);
  byId("main").focus({ preventScroll: true });
}

function facts(tagged, milliseconds) {
  const { language: tag, languageProbability: sure, mentions, entities: named, stances, quotes: said, sentiment, coverage, model } = tagged;
  const detected = byId("language").value === "" && tag !== "und" ? ` (${percent(sure)} sure)` : "";
  const parts = [
    (tag === "und" ? "Language unknown" : language(tag)) + detected,
    `${count(mentions.length, "mention")} of ${count(named.length, "entity", "entities")}`,
    count(stances.length, "stance"),
    count(said.length, "quote"),
  ];
  if (sentiment) parts.push(`tone ${polarityWord(sentiment.polarity)} ${score(sentiment.score)}`);
  byId("facts").replaceChildren(...parts.flatMap((part) => [element("span", { textContent: part }), " "]));
  const read = coverage ? `, ${bytes(coverage.bytesTotal)} in ${count(coverage.windows, "window")}` : "";
  const by = model ? `${model.name} ${model.version} (${model.fingerprint.slice(0, 12)})` : "the server";
  byId("model").textContent = `Read by ${by} in ${(milliseconds / 1000).toFixed(2)} s${read}.`;
}

function clear() {
  shown?.arrows.end();
  shown = undefined;
  CSS.highlights?.clear();
  unselect();
  article.replaceChildren();
}

function arrows(active = new Set()) {
  const mode = document.querySelector("input[name=arrows]:checked").value;
  shown?.arrows.show(mode, active);
}

// --- What is selected

let selection;

/** Selects a mention, an entity, a target, stances, a quote or a sentence, and shows all that has to do with it. */
function select(chosen) {
  if (shown === undefined) return;
  const { reading, article: laid } = shown;
  const { tagged } = reading;
  const from = document.activeElement;
  if (selection === undefined) opener = from;
  selection = chosen;
  const focus = concerned(reading, chosen);
  laid.select(focus.selected, focus.related);
  laid.highlight("evidence", focus.passages);
  const box = byId("card");
  card(box, reading, chosen, select, unselect);
  box.hidden = false;
  document.body.classList.add("has-sheet");
  arrows(focus.stances);
  if (focus.at) laid.show(focus.at);
  // The button that was pressed may have gone with the old card.
  if (from && !from.isConnected) {
    const [first] = focus.selected;
    (laid.marks[first] ?? box.querySelector("button")).focus({ preventScroll: true });
  }
  box.scrollTop = 0;
  say([...box.querySelectorAll("h3, .claim p")].map((part) => part.textContent).join(". "));
}

let opener;

function unselect() {
  selection = undefined;
  byId("card").hidden = true;
  document.body.classList.remove("has-sheet");
  if (shown === undefined) return;
  const inside = byId("card").contains(document.activeElement) || document.activeElement === document.body;
  shown.article.select(new Set(), new Set());
  shown.article.highlight("evidence", []);
  arrows();
  if (inside && opener?.isConnected) opener.focus({ preventScroll: true });
}

/** The mentions, stances and passages that a selection concerns, and where to look first. */
function concerned(reading, chosen) {
  const { tagged } = reading;
  const ends = (stances) => new Set(stances.flatMap(({ target, holder, holderKind }) => (holderKind === BY_MENTION && holder !== undefined ? [target, holder] : [target])));
  const around = (selected) => {
    const { toward, held } = reading.stancesOf(selected);
    const all = [...toward, ...held];
    return {
      selected: new Set(selected),
      related: ends(all).difference?.(new Set(selected)) ?? ends(all),
      stances: new Set(all.map(({ index }) => index)),
      passages: selected.length === 1 ? all.flatMap(({ evidence }) => evidence ?? []) : [],
      at: tagged.mentions[selected[0]]?.span,
    };
  };
  switch (chosen.kind) {
    case "mention":
      return around([chosen.mention]);
    case "entity":
      return around(tagged.entities[chosen.entity].mentions);
    case "stances": {
      const stances = chosen.stances.map((index) => tagged.stances[index]);
      return {
        selected: ends(stances),
        related: new Set(),
        stances: new Set(chosen.stances),
        passages: stances.flatMap(({ evidence }) => evidence ?? []),
        at: tagged.mentions[stances[0].target]?.span,
      };
    }
    case "target": {
      const { spans, stances } = tagged.targets[chosen.target];
      const met = new Set(spans.flatMap(({ mention }) => mention ?? []));
      const holders = new Set(stances.flatMap(({ holder }) => holder ?? []));
      const toward = tagged.stances.flatMap(({ target }, index) => (met.has(target) ? [index] : []));
      return {
        selected: met,
        related: new Set([...holders].filter((holder) => !met.has(holder))),
        stances: new Set(toward),
        passages: stances.flatMap(({ evidence }) => evidence ?? []),
        at: spans[0]?.span,
      };
    }
    case "quote": {
      const { span, speaker } = tagged.quotes[chosen.quote];
      return { selected: new Set(speaker === undefined ? [] : [speaker]), related: new Set(), stances: new Set(), passages: [span], at: span };
    }
    default: {
      const { span } = tagged.sentences[chosen.sentence];
      return { selected: new Set(), related: new Set(), stances: new Set(), passages: [span], at: span };
    }
  }
}

// --- Beginning

function listen() {
  byId("compose").onsubmit = (event) => { event.preventDefault(); submit(); };
  text.oninput = () => { byId("file").textContent = ""; size(); };
  text.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); }
  };
  byId("cancel").onclick = () => running?.abort();
  byId("edit").onclick = () => compose();
  byId("fresh").onclick = () => compose("");
  byId("open").onclick = () => byId("chooser").click();
  byId("chooser").onchange = (event) => {
    const [file] = event.target.files;
    if (file) read(file);
    event.target.value = "";
  };
  document.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    if (running) running.abort();
    else if (selection) unselect();
  };
  for (const input of document.querySelectorAll("input[name=arrows]")) {
    input.onchange = () => arrows(selection && shown ? concerned(shown.reading, selection).stances : undefined);
  }
  for (const input of document.querySelectorAll("input[name=theme]")) {
    input.onchange = () => { document.documentElement.dataset.theme = input.value; };
  }
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  document.ondragover = (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  };
  document.ondragleave = (event) => { if (event.relatedTarget === null) document.body.classList.remove("dropping"); };
  document.ondrop = (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) read(file);
  };
}

function furnish() {
  byId("types").append(...TYPES.map(([, name, word]) => element("li", {}, element("span", { className: `mention ${name}`, textContent: word }))));
  byId("types").append(
    element("li", { className: "sign fav" }, element("span", { className: "sample" }), "favourable"),
    element("li", { className: "sign unf" }, element("span", { className: "sample" }), "unfavourable"),
    element("li", { className: "sign", id: "by-author" }, element("b", { textContent: "A" }), "author"),
    element("li", { className: "sign", id: "by-unnamed" }, element("b", { textContent: "?" }), "unnamed"),
  );
  for (const tag of EXAMPLES) {
    const button = element("button", { type: "button", lang: tag, textContent: new Intl.DisplayNames([tag], { type: "language" }).of(tag) });
    button.onclick = async () => {
      const response = await fetch(`/page/examples/${tag}.txt`);
      compose((await response.text()).trim());
      byId("language").value = "";
      submit();
    };
    byId("examples").append(" ", button);
  }
}

/** Learns the server's languages and limits; asks again while it starts. */
async function ask() {
  try {
    const answer = await info();
    limits = answer.limits;
    const languages = answer.models[0]?.languages ?? [];
    const options = languages.map((tag) => element("option", { value: tag, textContent: language(tag) }));
    options.sort((a, b) => a.textContent.localeCompare(b.textContent));
    byId("language").replaceChildren(byId("language").options[0], ...options);
    const model = answer.models[0]?.model;
    if (model) byId("model").textContent = `Tagwerk ${answer.version}, model ${model.name} ${model.version}.`;
    hideError();
    size();
  } catch (error) {
    fail(error, ask);
  }
}

furnish();
listen();
size();
ask();
