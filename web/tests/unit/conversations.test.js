import assert from "node:assert/strict";
import { test } from "node:test";
import { countUnread, withChanges, withMessage, withNewer } from "../../js/model/conversations.js";

/** @returns {any} */
const row = (/** @type {number} */ id, more = {}) => ({
  id, is_top: false, notice_able: true, unread_count: 0, last_message_id: 0, ...more,
});
/** @returns {any} */
const message = (/** @type {number} */ conversation, id = 5) => ({
  id, conversation, content: "hi", type: 0, created_time: "t",
});
const ids = (/** @type {any} */ list) => list.map((/** @type {any} */ each) => each.id);

test("a message moves its conversation up, behind pinned ones, and counts as unread", () => {
  const after = withMessage([row(1, { is_top: true }), row(2), row(3)], message(3), false);
  assert.deepEqual(ids(after), [1, 3, 2]);
  assert.deepEqual([after?.[1].unread_count, after?.[1].last_message], [1, "hi"]);
});

test("a pinned conversation moves to the very top", () => {
  const pinned = [row(1, { is_top: true }), row(2, { is_top: true })];
  assert.deepEqual(ids(withMessage(pinned, message(2), false)), [2, 1]);
});

test("an own message marks earlier ones as read", () => {
  assert.equal(withMessage([row(1, { unread_count: 4 })], message(1), true)?.[0].unread_count, 0);
});

test("a message that is known counts once", () => {
  const list = [row(1, { last_message_id: 5, unread_count: 1 })];
  assert.equal(withMessage(list, message(1, 5), false), list);
});

test("an unknown conversation has to be fetched", () => {
  assert.equal(withMessage([row(1)], message(2), false), null);
});

test("muted conversations do not count", () => {
  const muted = row(2, { unread_count: 3, notice_able: false });
  assert.equal(countUnread([row(1, { unread_count: 2 }), muted]), 2);
  assert.deepEqual(withChanges([row(1), row(2)], 2, { unread_count: 9 })[1].unread_count, 9);
});

test("what changed while the list was fetched is kept", () => {
  const before = [row(1, { unread_count: 4 }), row(2)];
  const now = withChanges(before, 1, { unread_count: 0 });
  const fetched = [row(2), row(1, { unread_count: 4 }), row(3)];
  const after = withNewer(fetched, before, now);
  assert.deepEqual(after.map((each) => [each.id, each.unread_count]), [[2, 0], [1, 0], [3, 0]]);
  assert.equal(withNewer(fetched, before, before), fetched);
});
