import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../../js/backoff.js";
import { acknowledge, nextToSend, settle, visible } from "../../js/model/outbox.js";

const ME = 7;
/** @returns {any} */
const pending = (/** @type {string} */ client_id, content = "ok", more = {}) => ({
  client_id, conversation: 1, content, reply: null, sinceSeq: 10, created_time: "", problem: null,
  ...more,
});
/** @returns {any} */
const message = (/** @type {number} */ seq, content = "ok", more = {}) => ({
  id: seq, seq, type: 0, senderid: ME, content, ...more,
});
const ids = (/** @type {any[]} */ list) => list.map((each) => each.client_id);

test("a message on its way is shown until it has arrived", () => {
  const outbox = [pending("a")];
  assert.deepEqual(ids(visible(outbox, 1, [message(10)], ME)), ["a"]);
  assert.deepEqual(visible(outbox, 1, [message(10), message(11)], ME), []);
});

test("the same text of another user, or in a reply, are another message", () => {
  const others = [message(11, "ok", { senderid: 8 }), message(12, "ok", { reply_to_id: 3 })];
  assert.deepEqual(ids(visible([pending("a")], 1, others, ME)), ["a"]);
});

test("of two equal messages one arrival hides one", () => {
  assert.deepEqual(ids(visible([pending("a"), pending("b")], 1, [message(11)], ME)), ["b"]);
});

test("an acknowledged message is not mistaken for the next one", () => {
  const outbox = acknowledge([pending("a"), pending("b")], pending("a"), 11);
  assert.deepEqual(ids(visible(outbox, 1, [message(11)], ME)), ["b"]);
  assert.deepEqual(ids(settle(outbox, 1, 11)), ["b"]);
  assert.deepEqual(ids(visible(settle(outbox, 1, 11), 1, [message(11)], ME)), ["b"]);
});

test("an acknowledged message stays until it is among the messages", () => {
  const outbox = acknowledge([pending("a")], pending("a"), 11);
  assert.deepEqual(ids(visible(outbox, 1, [message(10)], ME)), ["a"]);
  assert.deepEqual(ids(settle(outbox, 1, 10)), ["a"]);
});

test("each conversation sends one at a time, in order, past what was refused", () => {
  const outbox = [
    pending("refused", "x", { problem: "no" }),
    pending("sent", "x", { sentSeq: 11 }),
    pending("a"),
    pending("b"),
    pending("c", "x", { conversation: 2 }),
  ];
  assert.deepEqual(ids(nextToSend(outbox)), ["a", "c"]);
});

test("pauses grow up to a bound and differ", () => {
  const pauses = [backoff(0, 0), backoff(0, 1), backoff(3, 1), backoff(99, 1)];
  assert.deepEqual(pauses, [250, 500, 4000, 15_000]);
});
