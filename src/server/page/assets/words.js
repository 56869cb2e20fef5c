// How the page says things: types, polarities, numbers, and what is said where a call fails.

import { CODE } from "./call.js";
import {
  BY_AUTHOR, BY_MENTION, FAVORABLE, LOCATION, MISCELLANEOUS, ORGANIZATION, PERSON, UNFAVORABLE,
} from "./messages.js";

export const TYPES = [
  [PERSON, "per", "Person"],
  [ORGANIZATION, "org", "Organisation"],
  [LOCATION, "loc", "Place"],
  [MISCELLANEOUS, "misc", "Other"],
];

export function typeClass(type) {
  return TYPES.find(([number]) => number === type)?.[1] ?? "misc";
}

export function typeWord(type) {
  return TYPES.find(([number]) => number === type)?.[2] ?? "Name";
}

export function polarityClass(polarity) {
  if (polarity === FAVORABLE) return "fav";
  return polarity === UNFAVORABLE ? "unf" : "neu";
}

export function polarityWord(polarity) {
  if (polarity === FAVORABLE) return "favourable";
  return polarity === UNFAVORABLE ? "unfavourable" : "neutral";
}

export function percent(share) {
  return `${Math.round(share * 100)}%`;
}

export function score(value) {
  const shown = Math.abs(value).toFixed(2);
  if (shown === "0.00") return "0";
  return (value > 0 ? "+" : "−") + shown;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  if (number < 1000) return count(number, "byte");
  if (number < 1e6) return `${(number / 1000).toFixed(number < 1e4 ? 1 : 0)} kB`;
  return `${(number / 1e6).toFixed(1)} MB`;
}

/** A language's name, of its tag. */
export function language(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** The holder of a stance or the speaker of a quote, where it is no mention. */
export function unmentioned(kind) {
  return kind === BY_AUTHOR ? "the author" : "somebody unnamed";
}

export function isMention(kind) {
  return kind === BY_MENTION;
}

/** A failure as a headline and what can be done about it. */
export function explain(failure) {
  const { code, reason, message, violations, retryAfter } = failure;
  switch (code) {
    case CODE.resourceExhausted:
      return {
        headline: reason === "QUOTA_EXCEEDED" ? "Your quota is used up" : "The server has too much to do",
        lines: [sentence(message)],
        seconds: Math.max(1, Math.ceil(retryAfter ?? 1)),
      };
    case CODE.invalidArgument:
      return {
        headline: "The server cannot take this request",
        lines: violations.length > 0
          ? violations.map(({ field, description }) => `${field}: ${description}`)
          : [sentence(message)],
      };
    case CODE.deadlineExceeded:
      return { headline: "It took too long", lines: ["The answer was not there in time. Try a shorter text, or try again later."], seconds: 1 };
    case CODE.unavailable:
      return {
        headline: "The server is not there",
        lines: [sentence(message)],
        seconds: Math.max(1, Math.ceil(retryAfter ?? 2)),
      };
    default:
      return { headline: "The server failed on this text", lines: [sentence(message || `code ${code}`)], seconds: 1 };
  }
}

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
