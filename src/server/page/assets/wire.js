// Protobuf's wire format, as far as the page needs it: messages described by tables of their fields.
//
// A table has a line for each field: number: [name, type]. The type is "string", "uint32", "float", "bytes", "skip",
// or a function that gives the table of a message; "?" behind a scalar type keeps apart what is absent, and "[]" in
// front makes a list. Fields that no table names are passed over, as protobuf demands.

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const UTF8 = new TextDecoder("utf-8");

/** A message that breaks off or holds what its table does not. */
export class Malformed extends Error {}

/** Reads a message. Scalars that are absent have their default, messages that are absent are undefined. */
export function decode(table, bytes) {
  return new Reader(bytes).message(table);
}

/** Writes a message. What is undefined, empty or zero is left out. */
export function encode(table, message) {
  const writer = new Writer();
  writer.message(table, message);
  return writer.bytes();
}

function kind(type) {
  if (typeof type === "function") return { type, list: false, optional: false };
  if (Array.isArray(type)) return { type: type[0], list: true, optional: false };
  return { type: type.replace("?", ""), list: false, optional: type.endsWith("?") };
}

function initial(type) {
  const { type: of, list, optional } = kind(type);
  if (list) return [];
  if (optional || typeof of === "function" || of === "skip") return undefined;
  if (of === "string") return "";
  return of === "bytes" ? new Uint8Array() : 0;
}

class Reader {
  constructor(bytes) {
    this.source = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  message(table) {
    const message = {};
    for (const [name, type] of Object.values(table)) {
      if (type !== "skip") message[name] = initial(type);
    }
    while (this.at < this.source.length) {
      const tag = this.varint();
      const field = table[Math.floor(tag / 8)];
      if (field === undefined || field[1] === "skip") this.skip(tag % 8);
      else this.field(message, field, tag % 8);
    }
    return message;
  }

  field(message, [name, declared], wire) {
    const { type, list } = kind(declared);
    // Numbers of a list come in one piece or one by one.
    if (list && wire === BYTES && (type === "uint32" || type === "float")) {
      const packed = new Reader(this.slice());
      while (packed.at < packed.source.length) message[name].push(packed.scalar(type, null));
      return;
    }
    const value = typeof type === "function"
      ? new Reader(this.slice(wire)).message(type())
      : this.scalar(type, wire);
    if (list) message[name].push(value);
    else message[name] = value;
  }

  scalar(type, wire) {
    const expected = { uint32: VARINT, float: FIXED32, string: BYTES, bytes: BYTES }[type];
    if (wire !== null && wire !== expected) throw new Malformed(`wire type ${wire} for ${type}`);
    switch (type) {
      case "uint32": return this.varint();
      case "float": return this.view.getFloat32(this.advance(4), true);
      case "string": return UTF8.decode(this.slice());
      default: return this.slice();
    }
  }

  varint() {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.source[this.advance(1)];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new Malformed("a number without an end");
  }

  slice(wire = BYTES) {
    if (wire !== BYTES) throw new Malformed(`wire type ${wire} for a message`);
    const length = this.varint();
    const start = this.advance(length);
    return this.source.subarray(start, start + length);
  }

  skip(wire) {
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.advance(8);
    else if (wire === BYTES) this.slice();
    else if (wire === FIXED32) this.advance(4);
    else throw new Malformed(`wire type ${wire}`);
  }

  advance(count) {
    const start = this.at;
    if (start + count > this.source.length) throw new Malformed("it breaks off");
    this.at += count;
    return start;
  }
}

class Writer {
  constructor() {
    this.parts = [];
    this.length = 0;
  }

  message(table, message) {
    for (const [number, [name, declared]] of Object.entries(table)) {
      const { type, list, optional } = kind(declared);
      const value = message[name];
      if (value === undefined) continue;
      for (const one of list ? value : [value]) {
        const isDefault = one === 0 || one === "";
        if (list || optional || !isDefault) this.field(Number(number), type, one);
      }
    }
  }

  field(number, type, value) {
    if (type === "uint32") {
      this.varint(number * 8 + VARINT);
      this.varint(value);
    } else if (type === "float") {
      this.varint(number * 8 + FIXED32);
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setFloat32(0, value, true);
      this.push(bytes);
    } else {
      const bytes = typeof type === "function" ? encode(type(), value) : new TextEncoder().encode(value);
      this.varint(number * 8 + BYTES);
      this.varint(bytes.length);
      this.push(bytes);
    }
  }

  varint(value) {
    const bytes = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    this.push(Uint8Array.from(bytes));
  }

  push(bytes) {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  bytes() {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
