// The client, against the real server and against one that fails on purpose.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { status as Code } from "@grpc/grpc-js";

import * as tagwerk from "../dist/index.js";
import { Client, type Document, type Settings, TagwerkError } from "../dist/index.js";
import { TagOptionsSchema } from "../dist/proto/tagwerk/v1/document_pb.js";
import { PATIENCE, Scripted, Server, TEXT, all, defect, delivery, errorOf, full, program } from "./support.ts";

/** Milliseconds that a scripted server wants to be left alone for. */
const DELAY = 150;

const ids = (documents: Iterable<{ id?: string }>) => Array.from(documents, (document) => document.id);

describe("with the real server", () => {
  let server: Server;
  let client: Client;

  before(async () => {
    server = await new Server().start();
    client = new Client(server.address);
  });

  after(async () => {
    client.close();
    await server.close();
  });

  for (const prefix of ["", "Äpfel, Öl und Übermut. ", "A\u0308pfel. ", "😀👩‍👩‍👧‍👦 ", "🇩🇪\r\n", "\u202e\0 ", "naïve — „so“. "]) {
    test(`offsets select each span behind ${JSON.stringify(prefix)}`, async () => {
      const document = await client.tag(`${prefix}${TEXT} „Übel 😀“, sagte Nora Brandt.`);
      assert.ok(document.mentions.some((mention) => mention.text === "Vela AG"));
      for (const mention of document.mentions) {
        assert.equal(document.text.slice(mention.start, mention.end), mention.text);
      }
      const quote = document.quotes.find((quote) => quote.text.includes("😀"));
      assert.equal(quote?.text, "„Übel 😀“");
    });
  }

  test("a stance has its target, holder and evidence", async () => {
    const document = await client.tag(TEXT, { id: "a-1", language: "de" });
    const [holder, target] = document.mentions;
    assert.deepEqual([document.id, document.language, holder?.text], ["a-1", "de", "Nora Brandt"]);
    assert.deepEqual([holder?.type, target?.type], ["PERSON", "ORGANIZATION"]);
    assert.equal(target?.stance?.polarity, "UNFAVORABLE");
    assert.ok(target.stance.score < 0);
    assert.equal(target.stance.holder?.kind, "MENTION");
    assert.equal(target.stance.holder.mention, holder);
    assert.match(target.stance.evidence?.text ?? "", /Wortbruch/);
    assert.equal(holder?.stance?.holder, undefined);
    assert.deepEqual(
      document.stances.map((stance) => [stance.holder.text, stance.target.text]),
      [["Nora Brandt", "Vela AG"]],
    );
    assert.equal(document.coverage?.bytesRead, Buffer.byteLength(TEXT));
  });

  test("an entity has its mentions", async () => {
    const document = await client.tag("Jana Roth kam nach Kiel. Roth lobte die Stadt.");
    const person = document.entities.find((entity) => entity.type === "PERSON");
    assert.deepEqual([person?.name, person?.mentions.map((mention) => mention.text)], ["Jana Roth", ["Jana Roth", "Roth"]]);
    assert.ok(person?.mentions.every((mention) => mention.entity === person));
  });

  test("a layer that was not asked for is undefined or empty", async () => {
    const document = await client.tag(TEXT, { features: ["mentions"] });
    assert.equal(document.mentions.length, 2);
    assert.equal(document.mentions[0]?.stance, undefined);
    assert.equal(document.mentions[0]?.entity, undefined);
    assert.deepEqual([document.entities, document.stances, document.sentiment], [[], [], undefined]);
  });

  test("info names the model and the limits", async () => {
    const info = await client.info();
    assert.ok(info.models[0]?.languages.includes("de"));
    assert.ok((info.limits?.maxDocumentBytes ?? 0) > 0);
  });

  const wrong: [string, tagwerk.TagSettings, string][] = [
    [TEXT, { language: "ja" }, "document.language"],
    [TEXT, { minProbability: 2 }, "options.min_probability"],
    [TEXT, { features: ["poems" as "mentions"] }, "options.features"],
    ["Nora \ud83d Brandt", {}, "document.text"],
  ];
  for (const [text, settings, field] of wrong) {
    test(`a wrong ${field} is named`, async () => {
      await assert.rejects(client.tag(text, settings), (error) => {
        assert.ok(error instanceof tagwerk.InvalidArgument);
        assert.deepEqual([error.code, error.violations.map((violation) => violation.field)], [Code.INVALID_ARGUMENT, [field]]);
        return true;
      });
    });
  }

  const hasTargets = TagOptionsSchema.fields.some((field) => field.name === "targets");

  test("each target is answered, whether the document names it or not", { skip: !hasTargets }, async () => {
    const targets = ["Vela AG", { id: "roth", names: ["Jana Roth"], type: "PERSON" as const }, "Kiel"];
    const document = await client.tag(TEXT, { targets });
    assert.deepEqual(
      document.targets.map((target) => [target.id, target.isPresent]),
      [
        ["Vela AG", true],
        ["roth", false],
        ["Kiel", false],
      ],
    );
    const [vela] = document.targets;
    const [span] = vela?.spans ?? [];
    assert.deepEqual([span?.text, span?.mention?.text, span?.sentence?.text], ["Vela AG", "Vela AG", TEXT]);
    assert.deepEqual([span?.stance?.polarity, span?.stance?.holder?.text], ["UNFAVORABLE", "Nora Brandt"]);
    assert.deepEqual([vela?.stances[0]?.holder.text, vela?.stances[0]?.span], ["Nora Brandt", span]);
    const present = await client.tag(TEXT, { targets, presentTargetsOnly: true });
    assert.deepEqual(present.targets.map((target) => target.id), ["Vela AG"]);
  });

  test("what the API does not have is named", { skip: hasTargets }, async () => {
    await assert.rejects(client.tag(TEXT, { targets: ["Vela AG"] }), tagwerk.InvalidArgument);
  });

  test("what is no document is a TypeError", async () => {
    for (const wrong of [7, null, undefined, {}]) {
      await assert.rejects(client.tag(wrong as unknown as string), TypeError);
    }
    assert.throws(() => client.tagMany("a text and no list"), TypeError);
  });

  test("a stream answers each of 300 documents in its place, whatever is among them", async () => {
    const bad = new Map<number, [Partial<Document>, string]>([
      [7, [{ language: "ja" }, "document.language"]],
      [100, [{ text: "Tag ".repeat(1 << 19) }, "document.text"]],
      [101, [{ text: "Tag ".repeat(1 << 21) }, "document.text"]],
      [150, [{ text: "halb \udc00" }, "document.text"]],
      [299, [{ language: "eine Sprache" }, "document.language"]],
    ]);
    const submitted = Array.from(delivery(300), (document, number) => ({ ...document, ...bad.get(number)?.[0] }));
    const answers = await all(client.tagMany(submitted, { errors: "return" }));
    assert.equal(answers.length, 300);
    for (const [number, answer] of answers.entries()) {
      const field = bad.get(number)?.[1];
      if (answer instanceof TagwerkError) {
        assert.equal(answer.violations[0]?.field, field, String(answer));
        assert.equal(answer.document, submitted[number]);
      } else {
        assert.deepEqual([answer.id, answer.text], [submitted[number]?.id, submitted[number]?.text]);
        assert.equal(field, undefined);
      }
    }
  });

  test("without order each is answered once", async () => {
    const answers = await all(client.tagMany(delivery(50), { ordered: false }));
    assert.deepEqual(answers.map((answer) => answer.id).sort(), ids(delivery(50)).sort());
  });

  test("an error is thrown in its place and tells what is left", async () => {
    const submitted = Array.from({ length: 6 }, (_, n) => ({ id: `${n}`, text: "Guten Tag", language: n === 3 ? "ja" : "de" }));
    const answered: string[] = [];
    await assert.rejects(
      async () => {
        for await (const answer of client.tagMany(submitted, { inFlight: 2 })) answered.push(answer.id);
      },
      (error) => {
        assert.ok(error instanceof tagwerk.InvalidArgument);
        assert.equal(error.document, submitted[3]);
        // The next one may have been read already.
        assert.ok(["", "4"].includes(ids(error.unanswered).join()));
        return true;
      },
    );
    assert.deepEqual(answered, ["0", "1", "2"]);
  });

  test("the input is read no further than what is in flight, and closed with the loop", async () => {
    let read = 0;
    let isClosed = false;
    function* endless() {
      try {
        for (;;) {
          read++;
          yield "Guten Tag";
        }
      } finally {
        isClosed = true;
      }
    }
    let taken = 0;
    for await (const _ of client.tagMany(endless(), { inFlight: 4 })) {
      assert.ok(read <= ++taken + 4, `${read} read, ${taken} taken`);
      if (taken === 20) break;
    }
    assert.ok(isClosed);
  });

  test("answers come while the input waits for its next document", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* feed() {
      yield "Guten Tag";
      await promise;
      yield "Gute Nacht";
    }
    const answered: string[] = [];
    for await (const answer of client.tagMany(feed())) {
      answered.push(answer.text);
      resolve();
    }
    assert.deepEqual(answered, ["Guten Tag", "Gute Nacht"]);
  });

  test("an input without documents has no answers", async () => {
    assert.deepEqual(await all(client.tagMany([])), []);
    assert.deepEqual(await all(new Client("127.0.0.1:1").tagMany([])), []);
  });

  test("an error of the input is that of the loop", async () => {
    function* broken() {
      yield "Guten Tag";
      throw new RangeError("no more");
    }
    await assert.rejects(all(client.tagMany(broken())), RangeError);
  });

  test("documents may have options of their own", async () => {
    const submitted: Document[] = [{ text: TEXT }, { text: TEXT, options: { features: ["mentions"] } }];
    const answers = await all(client.tagMany(submitted));
    assert.deepEqual(
      answers.map((answer) => [answer.sentences.length, answer.mentions.length]),
      [
        [1, 2],
        [0, 2],
      ],
    );
  });

  test("a signal ends a stream, and the client goes on", async () => {
    const abort = new AbortController();
    async function* feed() {
      yield "Guten Tag";
      await new Promise(() => {});
    }
    const reason = new Error("enough");
    await assert.rejects(async () => {
      for await (const _ of client.tagMany(feed(), { signal: abort.signal })) abort.abort(reason);
    }, reason);
    assert.equal((await client.tag("Guten Tag")).text, "Guten Tag");
  });
});

describe("when something fails", () => {
  test("a server that is killed twice costs no answer and doubles none", async (t) => {
    const server = await new Server().start();
    const client = new Client(server.address);
    t.after(async () => {
      client.close();
      await server.close();
    });
    const quiet = await all(client.tagMany(delivery(60)));
    const answers: tagwerk.TaggedDocument[] = [];
    for await (const answer of client.tagMany(delivery(60), { inFlight: 8 })) {
      answers.push(answer);
      if ([15, 40].includes(answers.length)) await server.killAndStartAgain();
    }
    assert.deepEqual(
      answers.map((answer) => answer.raw),
      quiet.map((answer) => answer.raw),
    );
  });

  test("a call that is refused waits as long as it is told", async (t) => {
    const refused: number[] = [];
    const { server, client } = await scripted(t, {
      tag: async () => {
        if (refused.length === 2) return;
        refused.push(performance.now());
        throw errorOf(full(DELAY));
      },
    });
    await client.tag("Guten Tag");
    assert.equal(server.tags, 3);
    assert.ok(performance.now() - refused[0]! >= 2 * DELAY);
  });

  test("a call that could not be answered in time is not waited for", async (t) => {
    const { server, client } = await scripted(t, {
      tag: async () => {
        throw errorOf(full(3_600_000));
      },
    });
    await assert.rejects(client.tag("Guten Tag", { timeout: PATIENCE }), (error) => {
      assert.ok(error instanceof tagwerk.ResourceExhausted);
      assert.deepEqual([error.retryAfter, server.tags], [3_600_000, 1]);
      return true;
    });
  });

  test("a refused stream and refused documents wait as long as they are told", async (t) => {
    const refused: number[] = [];
    const arrived: { id: string; at: number }[] = [];
    const { server, client } = await scripted(t, {
      stream: (stream) => {
        if (refused.length === 0) {
          refused.push(performance.now());
          stream.emit("error", errorOf(full(DELAY)));
          return;
        }
        let sequence = 0n;
        stream.on("data", (request) => {
          const { id } = request.document!;
          const isFirst = arrived.every((other) => other.id !== id);
          arrived.push({ id, at: performance.now() });
          if (isFirst) refused.push(performance.now());
          const result = isFirst
            ? { case: "error" as const, value: full(DELAY) }
            : { case: "document" as const, value: { id } };
          // The second time it is an answer to nothing.
          stream.write({ id, sequence, result });
          stream.write({ id, sequence: sequence++, result });
        });
        stream.on("end", () => stream.end());
      },
    });
    const answers = await all(client.tagMany(["a", "b", "c"].map((id) => ({ id, text: "Guten Tag" }))));
    assert.deepEqual([ids(answers), server.streams], [["a", "b", "c"], 2]);
    assert.deepEqual(ids(arrived).sort(), ["a", "a", "b", "b", "c", "c"]);
    // The stream, then each of the documents.
    assert.ok(arrived[0]!.at - refused[0]! >= DELAY);
    assert.ok(arrived[3]!.at - refused[3]! >= DELAY);
  });

  test("a full queue costs no answer", async (t) => {
    // Room for one short text or two; many more at a time.
    const server = await new Server("--queue-tokens", "512", "--batch-tokens", "512").start();
    const client = new Client(server.address, { timeout: PATIENCE });
    t.after(async () => {
      client.close();
      await server.close();
    });
    const texts = Array.from(delivery(24), (document) => document.text.repeat(6));
    const answers = await Promise.all(texts.map((text) => client.tag(text)));
    assert.deepEqual(
      answers.map((answer) => answer.text),
      texts,
    );
  });

  test("what is not answered in time is told", async (t) => {
    const { client } = await scripted(t, {
      tag: () => new Promise(() => {}),
      stream: (stream) => {
        stream.once("data", () => stream.write({ sequence: 0n, result: { case: "document", value: {} } }));
      },
    });
    await assert.rejects(client.tag("Guten Tag", { timeout: 200 }), tagwerk.DeadlineExceeded);
    let answered = 0;
    await assert.rejects(
      async () => {
        for await (const _ of client.tagMany(delivery(3), { timeout: 500 })) answered++;
      },
      (error) => {
        assert.ok(error instanceof tagwerk.DeadlineExceeded);
        assert.deepEqual(ids(error.unanswered), ["report-1", "report-2"]);
        return true;
      },
    );
    assert.equal(answered, 1);
  });

  test("a signal cancels a call at the server", async (t) => {
    const abort = new AbortController();
    const { promise: isCancelled, resolve } = Promise.withResolvers<void>();
    const { server, client } = await scripted(t, {
      tag: (call) => {
        call.on("cancelled", resolve);
        abort.abort(reason);
        return new Promise(() => {});
      },
    });
    const reason = new Error("enough");
    await assert.rejects(client.tag("Guten Tag", { signal: abort.signal, timeout: PATIENCE }), reason);
    await isCancelled;
    await assert.rejects(client.tag("Guten Tag", { signal: AbortSignal.abort(reason) }), reason);
    const late = new AbortController();
    const call = client.tag("Guten Tag", { signal: late.signal });
    late.abort(reason);
    await assert.rejects(call, reason);
    assert.equal(server.tags, 1);
  });

  test("a stream that would never succeed is not tried again", async (t) => {
    const { server, client } = await scripted(t, {
      stream: (stream) => {
        stream.emit("error", Object.assign(new Error("not you"), { code: Code.PERMISSION_DENIED, details: "not you" }));
      },
    });
    await assert.rejects(all(client.tagMany(["Guten Tag"])), (error) => {
      assert.ok(error instanceof tagwerk.PermissionDenied);
      assert.deepEqual([error.unanswered, server.streams], [[{ text: "Guten Tag" }], 1]);
      return true;
    });
  });

  test("calls go in turn to all addresses", async (t) => {
    const script = { tag: async () => {} };
    const servers = [await new Scripted(script).start(), await new Scripted(script).start()];
    const client = new Client(`ipv4:${servers.map((server) => server.address).join(",")}`);
    t.after(() => {
      client.close();
      for (const server of servers) server.close();
    });
    // Until both connections stand, one gets all.
    while (servers.some((server) => server.tags === 0)) await client.tag("Guten Tag");
    const before = servers.map((server) => server.tags);
    for (let call = 0; call < 10; call++) await client.tag("Guten Tag");
    assert.deepEqual(
      servers.map((server, index) => server.tags - before[index]!),
      [5, 5],
    );
  });

  test("a document that the model fails on is not sent again", async (t) => {
    let sent = 0;
    const { client } = await scripted(t, {
      stream: (stream) => {
        stream.on("data", () => stream.write({ sequence: BigInt(sent++), result: { case: "error", value: defect() } }));
        stream.on("end", () => stream.end());
      },
    });
    const [error] = await all(client.tagMany([{ id: "a", text: "Guten Tag" }], { errors: "return" }));
    assert.ok(error instanceof tagwerk.Internal);
    assert.deepEqual([error.reason, error.document?.id, sent], ["DEFECT", "a", 1]);
  });

  test("a server that stays away is given up", async () => {
    const client = new Client("127.0.0.1:1");
    await assert.rejects(all(client.tagMany(delivery(5), { patience: 300, inFlight: 2 })), (error) => {
      assert.ok(error instanceof tagwerk.Unavailable);
      assert.equal(error.unanswered[0]?.id, "report-0");
      return true;
    });
    await assert.rejects(client.tag("Guten Tag"), tagwerk.Unavailable);
    client.close();
  });
});

// Has ca.pem, and server.pem and client.pem with their keys, issued by it.
const folder = process.env["TAGWERK_CERTIFICATES"];

describe("over TLS", { skip: folder === undefined && "TAGWERK_CERTIFICATES names no folder of certificates" }, () => {
  const file = (name: string) => join(folder ?? "", name);

  async function served(t: { after: (end: () => Promise<void>) => void }, ...settings: string[]) {
    const server = await new Server("--tls-certificate", file("server.pem"), "--tls-key", file("server.key"), ...settings).start();
    t.after(() => server.close());
    const trusted = { rootCertificates: file("ca.pem"), serverName: "tagwerk.test" };
    return async <T>(own: Settings, use: (client: Client) => Promise<T>) => {
      const client = new Client(`https://${server.address}`, { ...trusted, ...own });
      try {
        return await use(client);
      } finally {
        client.close();
      }
    };
  }

  test("a caller with the key is served", async (t) => {
    const made = spawnSync(program(), ["key", "ingest"], { encoding: "utf8" });
    writeFileSync(file("keys.toml"), made.stdout);
    const key = made.stderr.trim();
    const withClient = await served(t, "--auth-keys", file("keys.toml"));
    for (const own of [{ apiKey: key }, { token: async () => `${key}\n` }]) {
      await withClient(own, async (client) => {
        assert.equal((await client.tag(TEXT)).mentions[0]?.text, "Nora Brandt");
        assert.equal((await all(client.tagMany([TEXT, TEXT]))).length, 2);
      });
    }
    for (const own of [{}, { apiKey: "wrong" }]) {
      await withClient(own, async (client) => {
        await assert.rejects(client.tag(TEXT), tagwerk.Unauthenticated);
        await assert.rejects(all(client.tagMany([TEXT])), tagwerk.Unauthenticated);
      });
    }
  });

  test("with mutual TLS a caller shows a certificate", async (t) => {
    const withClient = await served(t, "--tls-client-ca", file("ca.pem"));
    const own = { clientCertificate: readFileSync(file("client.pem")), clientKey: file("client.key") };
    await withClient(own, async (client) => {
      assert.equal((await client.tag(TEXT)).mentions[0]?.text, "Nora Brandt");
    });
    await withClient({}, (client) => assert.rejects(client.tag(TEXT), tagwerk.Unavailable));
  });
});

test("settings that contradict each other are refused", () => {
  const pem = Buffer.from("pem");
  const cases: [string, Settings][] = [
    ["http://", {}],
    ["http://localhost:50051", { rootCertificates: pem }],
    ["localhost:50051", { apiKey: "a", token: "b" }],
    ["https://localhost:50051", { clientCertificate: pem }],
  ];
  for (const [server, settings] of cases) assert.throws(() => new Client(server, settings), RangeError);
});

/** A scripted server and its client, for one test. */
async function scripted(t: { after: (end: () => void) => void }, script: ConstructorParameters<typeof Scripted>[0]) {
  const server = await new Scripted(script).start();
  const client = new Client(server.address);
  t.after(() => {
    client.close();
    server.close();
  });
  return { server, client };
}
