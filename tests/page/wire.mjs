// Reads or writes a message as the page does, for tests/page.rs to compare with the server's code.

import { readFileSync } from "node:fs";

import { TagRequest, TagResponse } from "../../src/server/page/assets/messages.js";
import { decode, encode, Malformed } from "../../src/server/page/assets/wire.js";

const input = readFileSync(0);
if (process.argv[2] === "write") {
  process.stdout.write(encode(TagRequest, JSON.parse(input)));
} else {
  // However much of a message is missing, it is read or refused.
  for (let length = 0; length < input.length; length += 1) {
    try {
      decode(TagResponse, input.subarray(0, length));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  process.stdout.write(JSON.stringify(decode(TagResponse, input)));
}
