// What the README shows runs as it stands, but for the address.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";

import { PATIENCE, Server } from "./support.ts";

const folder = fileURLToPath(new URL("..", import.meta.url));

test("each block of the README runs", async (t) => {
  const server = await new Server().start();
  t.after(() => server.close());
  const blocks = readFileSync(`${folder}README.md`, "utf8").matchAll(/^```js\n(.*?)^```/gms);
  let run = 0;
  for (const [, block = ""] of blocks) {
    assert.match(block, /127\.0\.0\.1:50051/);
    const code = block.replaceAll("127.0.0.1:50051", server.address);
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], { cwd: folder, timeout: PATIENCE });
    run++;
  }
  assert.ok(run > 0);
});
