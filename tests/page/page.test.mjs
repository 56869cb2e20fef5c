// The page as its users have it: in a browser, on a real server. tests/page.rs runs this.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { TagRequest, TagResponse } from "../../src/server/page/assets/messages.js";
import { decode, encode } from "../../src/server/page/assets/wire.js";
import { AXE, launch, open } from "./browser.mjs";

const OPEN = process.env.TAGWERK_OPEN;
const LOCKED = process.env.TAGWERK_LOCKED;
/** A text and what a client of the gRPC port is told about it, in protobuf's JSON. */
const EXPECTED = JSON.parse(readFileSync(process.env.TAGWERK_EXPECTED, "utf8"));

const { text: TEXT, tagged: TAGGED } = EXPECTED;
const { mentions, entities, stances } = TAGGED;

const nameOf = (mention) => entities[mentions[mention].entity ?? 0].name;
/** A stance with a named holder. */
const HELD = stances.find(({ holder }) => holder !== undefined);
const HELD_TARGET = HELD.target ?? 0;

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** A test with a page of its own, on which no error may occur. */
function visit(name, options, body) {
  test(name, async () => {
    const page = await open(browser, options.url ?? OPEN, options);
    page.setDefaultTimeout(60_000);
    try {
      await body(page);
      assert.deepEqual(page.errors, []);
    } finally {
      await page.browserContext().close();
    }
  });
}

async function paste(page, text) {
  await page.focus("#text");
  // As the clipboard would put it in, at once.
  await page.evaluate((value) => document.execCommand("insertText", false, value), text);
}

async function tagged(page, text = TEXT) {
  await paste(page, text);
  await page.click("#tag");
  await page.waitForSelector("#result:not([hidden])");
}

const texts = (page, selector) => page.$$eval(selector, (found) => found.map((one) => one.textContent));
const visible = (page, selector) => page.waitForSelector(selector, { visible: true });

visit("a pasted article is shown with its mentions, each in the colour of its type", {}, async (page) => {
  await tagged(page);
  const shown = await page.$$eval("#article .mention", (marks) => marks.map((mark) => [mark.textContent, mark.classList[1]]));
  const classes = { ENTITY_TYPE_PERSON: "per", ENTITY_TYPE_ORGANIZATION: "org", ENTITY_TYPE_LOCATION: "loc", ENTITY_TYPE_MISCELLANEOUS: "misc" };
  // The ship in front of the text takes two UTF-16 units: wrong offsets would show.
  assert.deepEqual(shown, mentions.map(({ text, type }) => [text, classes[type]]));
  const lines = await texts(page, "#article > p");
  assert.equal(lines.join("\n"), TEXT);
});

visit("a mention that is clicked shows who holds the stance, and on what grounds", {}, async (page) => {
  await tagged(page);
  await page.click(`[data-mention="${HELD_TARGET}"]`);
  await visible(page, "#card");
  const card = await page.$eval("#card", (one) => one.textContent);
  const word = HELD.polarity === "POLARITY_FAVORABLE" ? "favourable" : "unfavourable";
  assert.ok(card.includes(`${nameOf(HELD.holder)} is ${word} to ${nameOf(HELD_TARGET)}`), card);
  const evidence = TEXT.slice(HELD.evidence.start ?? 0, HELD.evidence.end);
  assert.ok(card.includes(evidence), card);
  const related = await page.$eval(`[data-mention="${HELD.holder}"]`, (mark) => mark.classList.contains("related"));
  assert.ok(related, "the holder does not stand out");
  assert.ok(await page.evaluate(() => CSS.highlights.get("evidence").size > 0));
});

visit("every stance is an arrow, and those of a selection stand out", {}, async (page) => {
  await tagged(page);
  assert.equal((await page.$$(".arrow")).length, stances.length);
  await page.click(`[data-mention="${HELD_TARGET}"]`);
  const active = await page.$$eval(".arrow.active", (found) => found.map((one) => Number(one.dataset.stance)));
  assert.ok(active.includes(stances.indexOf(HELD)), `${active}`);
  await page.click("#arrows input[value=selected] + span");
  assert.equal((await page.$$(".arrow")).length, active.length);
  await page.click("#arrows input[value=none] + span");
  assert.equal((await page.$$(".arrow")).length, 0);
});

visit("an arrow ends at its target and begins at its holder", {}, async (page) => {
  await tagged(page);
  await page.evaluate(() => document.fonts.ready);
  const distances = await page.$$eval(".arrow", (arrows, stances) => arrows.map((arrow) => {
    const { target = 0, holder } = stances[arrow.dataset.stance];
    const path = arrow.querySelector("path:not(.halo)");
    const base = arrow.ownerSVGElement.getBoundingClientRect();
    const away = (at, mention) => {
      const point = path.getPointAtLength(at);
      const boxes = [...document.querySelector(`[data-mention="${mention}"]`).getClientRects()];
      const [x, y] = [point.x + base.left, point.y + base.top];
      return Math.min(...boxes.map((box) => Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom))));
    };
    return [away(path.getTotalLength(), target), holder === undefined ? 0 : away(0, holder)];
  }), stances);
  assert.ok(distances.flat().every((pixels) => pixels < 6), JSON.stringify(distances));
});

visit("the two sides name who is for whom and who against", {}, async (page) => {
  await tagged(page);
  const words = { HOLDER_KIND_AUTHOR: "the author", HOLDER_KIND_UNNAMED: "somebody unnamed" };
  const expected = new Set(stances.map(({ target = 0, holder, holderKind, polarity }) => {
    const side = polarity === "POLARITY_FAVORABLE" ? "fav" : "unf";
    return `${holder === undefined ? words[holderKind] : nameOf(holder)} ${side} ${nameOf(target)}`;
  }));
  const shown = await page.$$eval("#sides .target", (rows) => rows.flatMap((row) => {
    const target = row.querySelector(".about").textContent;
    return ["fav", "unf"].flatMap((side) => [...row.querySelectorAll(`.${side} button`)].map((one) => `${one.firstChild.textContent} ${side} ${target}`));
  }));
  assert.deepEqual(new Set(shown), expected);
  const [left, right] = await page.$eval("#sides .target", (row) => [...row.querySelectorAll(".side")].map((side) => side.getBoundingClientRect().left));
  assert.ok(left < right);
});

visit("entities, quotes and tone are all there", {}, async (page) => {
  await tagged(page);
  for (const more of await page.$$(".more")) await more.click();
  assert.deepEqual(await texts(page, "#entities tbody .name"), entities.map(({ name }) => name));
  const quotes = TAGGED.quotes.map(({ span }) => TEXT.slice(span.start ?? 0, span.end));
  assert.deepEqual(await texts(page, "#quotes blockquote"), quotes);
  assert.equal((await page.$$(".tones button")).length, TAGGED.sentences.length);
  await page.click(".tones button:last-child");
  const card = await page.$eval("#card blockquote", (one) => one.textContent);
  const { span } = TAGGED.sentences.at(-1);
  assert.equal(card, TEXT.slice(span.start, span.end));
});

visit("the keyboard is enough", {}, async (page) => {
  const focused = (question) => page.evaluate(question);
  const until = async (key, question) => {
    for (let presses = 0; presses < 80; presses += 1) {
      if (await focused(question)) return;
      await page.keyboard.press(key);
    }
    assert.fail(`${question} never gets the focus`);
  };
  await until("Tab", "document.activeElement.id === 'text'");
  await page.evaluate((value) => document.execCommand("insertText", false, value), TEXT);
  await until("Tab", "document.activeElement.id === 'tag'");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#result:not([hidden])");
  await until("Tab", "document.activeElement.matches('.mention')");
  assert.notEqual(await focused("getComputedStyle(document.activeElement).outlineStyle"), "none");
  await until("ArrowRight", `document.activeElement.dataset.mention === "${HELD_TARGET}"`);
  await page.keyboard.press("Enter");
  await visible(page, "#card");
  assert.equal(await focused("document.activeElement.getAttribute('aria-pressed')"), "true");
  assert.ok((await page.$eval("#announce", (one) => one.textContent)).includes(nameOf(HELD_TARGET)));
  await page.keyboard.press("Escape");
  await page.waitForSelector("#card", { hidden: true });
  assert.equal(await focused("document.activeElement.dataset.mention"), String(HELD_TARGET));
  await until("Tab", "document.activeElement.matches('#sides .side button')");
  await page.keyboard.press("Enter");
  await visible(page, "#card .claim");
});

visit("the language is detected, or the one that is chosen", {}, async (page) => {
  await page.waitForFunction("document.getElementById('language').options.length === 9");
  await tagged(page, "Der Stadtrat von Kiel hat die Arbeit von Jana Roth gelobt.");
  assert.match(await page.$eval("#facts", (one) => one.textContent), /German \(\d+% sure\)/);
  await page.click("#edit");
  await page.select("#language", "nl");
  await page.click("#tag");
  await page.waitForSelector("#result:not([hidden])");
  const facts = await page.$eval("#facts", (one) => one.textContent);
  assert.ok(facts.startsWith("Dutch") && !facts.includes("sure"), facts);
  assert.equal(await page.$eval("#article", (one) => one.lang), "nl");
});

visit("an example is tagged with one click", {}, async (page) => {
  await page.click("#examples button[lang=pl]");
  await page.waitForSelector("#result:not([hidden])");
  assert.match(await page.$eval("#facts", (one) => one.textContent), /^Polish/);
});

/** Answers the next call to tag with this document, and gives back the request. */
async function answered(page, document) {
  const message = encode(TagResponse, { document });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const status = Buffer.from("grpc-status:0\r\n");
  const body = Buffer.concat([head, message, Buffer.from([0x80, 0, 0, 0, status.length]), status]);
  await page.evaluate((body) => {
    const real = window.fetch;
    window.fetch = async (path, options) => {
      if (!path.endsWith("/Tag")) return real(path, options);
      window.sent = [...options.body];
      return new Response(Uint8Array.from(body));
    };
  }, [...body]);
  return async () => decode(TagRequest, Uint8Array.from(await page.evaluate(() => window.sent)).subarray(5));
}

visit("what is watched is asked about, and each name gets an answer", {}, async (page) => {
  const text = "Kiel baut die Brücke.\nRoth lobt sie sehr.";
  const request = await answered(page, {
    mentions: [{ span: { start: 0, end: 4 }, text: "Kiel", type: 3 }, { span: { start: 22, end: 26 }, text: "Roth", type: 1 }],
    targets: [
      {
        id: "1",
        spans: [{ span: { start: 14, end: 20 }, text: "Brücke" }],
        stance: { polarity: 1, score: 0.9, favorableCount: 1 },
        stances: [{ span: 0, holderKind: 1, holder: 1, polarity: 1, probability: 0.95, holderProbability: 0.8, evidence: { start: 22, end: 40 } }],
        prominence: { inHeadline: 1, share: 0.5 },
      },
      { id: "2", spans: [], stances: [] },
    ],
  });
  await page.click("#watch summary");
  await page.type("#watchlist", "Neue Brücke | Brücke\n\n  Hafen ");
  await tagged(page, text);
  const { options } = await request();
  assert.deepEqual(options.targets, [{ id: "1", names: ["Neue Brücke", "Brücke"] }, { id: "2", names: ["Hafen"] }]);
  const shown = await page.$$eval("#targets li", (rows) => rows.map((row) => [...row.children].map((one) => one.textContent)));
  assert.deepEqual(shown, [["Neue Brücke", "named 1 time, in the headline", "+0.90"], ["Hafen", "not named"]]);
  await page.click("#targets button");
  const card = await page.$eval("#card .claim", (one) => one.textContent);
  assert.equal(card, "Roth is favourable to Brücke95% sure, 80% of the holderRoth lobt sie sehr");
  assert.ok(await page.$eval("[data-mention='1']", (mark) => mark.classList.contains("related")));
  assert.equal(await page.evaluate(() => CSS.highlights.get("watched").size), 1);
});

visit("a text without a watchlist has no answers to one", {}, async (page) => {
  await tagged(page, "Jana Roth lobt Kiel.");
  await page.waitForSelector("#watched", { hidden: true });
});

const drop = (page, name, content) => page.evaluate((name, content) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(content)], name));
  for (const kind of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}, name, [...content]);

visit("a file that is dropped is read", {}, async (page) => {
  await drop(page, "bericht.txt", Buffer.from("Łódź 🚢\r\nGrüße"));
  await page.waitForFunction("document.getElementById('text').value !== ''");
  assert.equal(await page.$eval("#text", (one) => one.value), "Łódź 🚢\nGrüße");
  assert.equal(await page.$eval("#file", (one) => one.textContent), "from bericht.txt");
});

visit("a file that is no UTF-8 is read as Windows has it, and said to be", {}, async (page) => {
  await drop(page, "alt.txt", Buffer.from("Gr\u00fc\u00dfe aus K\u00f6ln", "latin1"));
  await page.waitForFunction("document.getElementById('text').value !== ''");
  assert.equal(await page.$eval("#text", (one) => one.value), "Grüße aus Köln");
  assert.match(await page.$eval("#file", (one) => one.textContent), /Windows-1252/);
});

visit("a file that holds no text is refused in words", {}, async (page) => {
  for (const [name, content, words] of [["a.pdf", "%PDF-1.7 …", "PDF"], ["b.bin", "\xff\0\xfe", "no plain text"]]) {
    await drop(page, name, Buffer.from(content, "latin1"));
    await page.waitForFunction((name) => document.getElementById("error").textContent.includes(name), {}, name);
    assert.ok((await page.$eval("#error", (one) => one.textContent)).includes(words));
    assert.equal(await page.$eval("#text", (one) => one.value), "");
  }
});

visit("a file that is chosen is read", {}, async (page) => {
  const path = join(tmpdir(), `tagwerk-page-${process.pid}.txt`);
  writeFileSync(path, "Jana Roth");
  await (await page.$("#chooser")).uploadFile(path);
  await page.waitForFunction("document.getElementById('text').value === 'Jana Roth'");
});

visit("a text that is too large is refused with the name of the field", {}, async (page) => {
  await page.evaluate(() => {
    document.getElementById("text").value = "Jana Roth. ".repeat(100_000);
    document.getElementById("text").dispatchEvent(new Event("input"));
  });
  await page.click("#tag");
  await visible(page, "#error");
  const error = await page.$eval("#error", (one) => one.textContent);
  assert.ok(error.includes("document.text"), error);
  assert.ok(await page.$eval("#text", (one) => one.value.length > 1_000_000), "the text is lost");
});

visit("a call that is cancelled leaves the text, and another can follow", {}, async (page) => {
  await page.evaluate(() => {
    const text = document.getElementById("text");
    text.value = Array.from({ length: 20_000 }, (_, number) => `Satz ${number} von Jana Roth.`).join("\n");
    text.dispatchEvent(new Event("input"));
  });
  await page.click("#tag");
  await visible(page, "#cancel");
  await page.click("#cancel");
  await page.waitForSelector("#running", { hidden: true });
  assert.equal(await page.$eval("#announce", (one) => one.textContent), "Cancelled.");
  assert.ok(await page.$eval("#text", (one) => one.value.startsWith("Satz 0")));
  await page.evaluate(() => { document.getElementById("text").value = ""; });
  await tagged(page, "Jana Roth lobt Kiel.");
});

visit("a server that asks who calls gets the key, and a wrong one is told", { url: LOCKED }, async (page) => {
  await visible(page, "#key");
  await page.type("#credential", "key-of-west");
  await page.keyboard.press("Enter");
  await page.waitForFunction("document.getElementById('key-reason').textContent.includes('unknown key')");
  await page.$eval("#credential", (one) => { one.value = ""; });
  await page.type("#credential", process.env.TAGWERK_KEY);
  await page.keyboard.press("Enter");
  await page.waitForFunction("document.getElementById('language').options.length === 9");
  // The first article is more than the quota: the second has to wait.
  await tagged(page);
  await page.click("#edit");
  await page.click("#tag");
  await visible(page, "#error");
  const error = await page.$eval("#error", (one) => one.textContent);
  assert.match(error, /quota of 20 tokens a second/);
  assert.match(error, /Try again in \d+ seconds/);
  assert.ok(await page.$eval("#error button", (one) => one.disabled));
});

visit("a server that has gone is told in words", {}, async (page) => {
  await paste(page, "Jana Roth");
  await page.setOfflineMode(true);
  await page.click("#tag");
  await visible(page, "#error");
  assert.match(await page.$eval("#error", (one) => one.textContent), /cannot be reached/);
});

visit("what a text holds is never read as HTML", {}, async (page) => {
  const text = "<img src=x onerror=alert(1)> Jana Roth sagt: „<b>Kiel</b>“ &amp; <script>alert(2)</script>";
  await tagged(page, text);
  assert.equal(await page.$eval("#article > p", (one) => one.textContent), text);
  assert.equal((await page.$$("#article img, #article b, #article script")).length, 0);
});

visit("nothing leaves the page but to its server, and nothing is kept", {}, async (page) => {
  const origins = new Set();
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  await page.reload({ waitUntil: "networkidle0" });
  await tagged(page);
  assert.deepEqual([...origins], [new URL(OPEN).origin]);
  const kept = await page.evaluate(async () => [
    localStorage.length, sessionStorage.length, document.cookie.length, (await indexedDB.databases()).length, (await caches.keys()).length,
  ]);
  assert.deepEqual(kept, [0, 0, 0, 0, 0]);
});

for (const [state, prepare] of [
  ["before", async () => {}],
  ["with an article", (page) => tagged(page)],
  ["with a long word", (page) => tagged(page, `Jana Roth aus ${"Donau".repeat(80)} lobt Kiel.`)],
  ["with a card", async (page) => { await tagged(page); await page.click(`[data-mention="${HELD_TARGET}"]`); }],
]) {
  visit(`nothing is wider than a phone ${state}`, { width: 360, height: 740 }, async (page) => {
    await prepare(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${width} pixels`);
  });
}

visit("the page is dark where the system is, or the switch says so", { dark: true }, async (page) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await page.click("#theme input[value=light] + span");
  const light = await paper();
  assert.notEqual(light, dark);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.click("#theme input[value=dark] + span");
  assert.equal(await paper(), dark);
  await page.click("#theme input[value=auto] + span");
  assert.equal(await paper(), light);
});

for (const dark of [false, true]) {
  visit(`every colour of the ${dark ? "dark" : "light"} page can be read`, { dark }, async (page) => {
    const ratios = await page.evaluate(() => {
      const probe = document.createElement("span");
      document.body.append(probe);
      const colour = (value) => {
        probe.style.color = value;
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.fillStyle = getComputedStyle(probe).color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
      };
      // Contrast as WCAG 2.2 defines it.
      const luminance = (value) => {
        const [r, g, b] = colour(value).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => {
        const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
      };
      const inks = ["--ink", "--soft", "--per", "--org", "--loc", "--misc", "--fav", "--unf"];
      const pairs = inks.flatMap((ink) => [[ink, "--paper"], [ink, "--raised"]]);
      pairs.push(["--ink", "--evidence"], ["--ink", "--quote"], ["--on-strong", "--strong"]);
      return pairs.map(([ink, ground]) => [ink, ground, ratio(`var(${ink})`, `var(${ground})`)]);
    });
    assert.deepEqual(ratios.filter(([, , ratio]) => ratio < 4.5), []);
  });
}

for (const [state, prepare] of [
  ["the empty page", async () => {}],
  ["an article", (page) => tagged(page)],
  ["a card", async (page) => { await tagged(page); await page.click(`[data-mention="${HELD_TARGET}"]`); }],
]) {
  visit(`nothing of ${state} breaks the rules of accessibility that a program can check`, {}, async (page) => {
    await prepare(page);
    await page.evaluate(AXE);
    const broken = await page.evaluate(async () => {
      const { violations } = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
      return violations.map(({ help, nodes }) => [help, ...nodes.map(({ html }) => html)]);
    });
    assert.deepEqual(broken, []);
  });
}
