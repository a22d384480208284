import assert from "node:assert/strict";
import { test } from "node:test";
import {
  drawnRange, merge, openRoom, prepend, receive, remove, slide,
} from "../../js/model/rooms.js";

/** @returns {any} */
const message = (/** @type {number} */ seq, more = {}) => ({
  id: seq * 10, seq, version: seq, content: `text ${seq}`, ...more,
});
const room = (/** @type {number[]} */ ...seqs) => ({
  messages: seqs.map((seq) => message(seq)),
  version: seqs.at(-1) ?? 0,
  isAtStart: false,
});
const seqs = (/** @type {any} */ { messages }) =>
  messages.map((/** @type {any} */ each) => each.seq);

test("the next message is shown", () => {
  const { room: after, hasGap } = receive(room(1, 2), message(3));
  assert.deepEqual([seqs(after), after.version, hasGap], [[1, 2, 3], 3, false]);
});

test("an old message is dropped", () => {
  const before = room(1, 2);
  assert.deepEqual(receive(before, message(2)), { room: before, hasGap: false });
});

test("a message that comes too early shows a gap and changes nothing", () => {
  const before = room(1, 2);
  assert.deepEqual(receive(before, message(4)), { room: before, hasGap: true });
});

test("what was missed is added once, and what was deleted goes", () => {
  const changes = { messages: [message(2), message(3)], deleted_ids: [10], version: 5 };
  const after = merge(room(1, 2), changes);
  assert.deepEqual([seqs(after), after.version], [[2, 3], 5]);
});

test("an answer that is older than what is known changes nothing", () => {
  const before = room(1, 2, 3);
  assert.equal(merge(before, { messages: [], deleted_ids: [30], version: 2 }), before);
});

test("an older page comes before, without what is known", () => {
  const after = prepend(room(3, 4), [message(1), message(2), message(3)], 3);
  assert.deepEqual([seqs(after), after.isAtStart], [[1, 2, 3, 4], false]);
});

test("a short page is the beginning", () => {
  assert.equal(prepend(room(3), [message(1)], 100).isAtStart, true);
  assert.equal(openRoom({ messages: [message(1)], version: 1 }, 50).isAtStart, true);
});

test("a reply outlives what it replied to", () => {
  const reply = message(2, { reply_to: "text 1", reply_to_id: 10, reply_to_type: 0 });
  const after = remove({ messages: [message(1), reply], version: 2, isAtStart: true }, [10]);
  assert.deepEqual(after.messages, [message(2)]);
});

test("of a long history a bounded part is drawn, which can reach every message", () => {
  const messages = Array.from({ length: 10_000 }, (_, index) => message(index + 1));
  /** @type {number | null} */
  let start = null;
  const seen = new Set();
  for (let turns = 0; turns < 1000; turns++) {
    const range = drawnRange(messages, start, 120);
    assert.ok(range.end - range.start <= 120);
    for (let i = range.start; i < range.end; i++) seen.add(i);
    if (range.start === 0) break;
    start = slide(messages, start, "older", 120);
  }
  assert.equal(seen.size, 10_000);
  for (let turns = 0; start !== null && turns < 1000; turns++) {
    start = slide(messages, start, "newer", 120);
  }
  assert.equal(start, null);
});
