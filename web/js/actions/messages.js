/** The messages of conversations: fetched, kept complete by versions, deleted. See docs/live.md. */

import * as api from "../api.js";
import { backoff, pause } from "../backoff.js";
import { withChanges } from "../model/conversations.js";
import { settle } from "../model/outbox.js";
import { merge, openRoom, prepend, remove } from "../model/rooms.js";
import * as session from "../session.js";
import { change, conversation, state } from "../store.js";
import { ignoreGone, refreshConversations, refreshQuietly } from "./lists.js";

const FIRST_PAGE = 50;
const PRELOADED = 20;
const OLDER_PAGE = 100;
const SEARCH_PAGE = 1000;
const SYNC_LIMIT = 200;
const RETRY_PAGE_MS = 5000;

/** @param {number} id @param {Room} room */
export function setRoom(id, room) {
  const newest = room.messages.at(-1)?.seq ?? 0;
  change({ rooms: { ...state.rooms, [id]: room }, outbox: settle(state.outbox, id, newest) });
}

/**
 * Wrap a loader so that it runs once at a time for each conversation.
 * @param {(id: number, limit: number) => Promise<void>} load
 */
function oncePerRoom(load) {
  /** @type {Map<number, Promise<void>>} */
  const running = new Map();
  return (/** @type {number} */ id, limit = 0) => {
    if (!running.has(id)) running.set(id, load(id, limit).finally(() => running.delete(id)));
    return running.get(id);
  };
}

/** Add what was fetched; a message may have arrived meanwhile. @type {typeof setRoom} */
function addRoom(id, room) {
  setRoom(id, room);
  const newestId = room.messages.at(-1)?.id ?? 0;
  if ((conversation(id)?.last_message_id ?? 0) > newestId) catchUp([id]);
}

/** Fetch the first conversations of the list in advance: they open without a request. */
export async function preload() {
  const ids = state.conversations.slice(0, PRELOADED).map(({ id }) => id);
  const fields = { versions: {}, conversation_ids: ids, limit: FIRST_PAGE };
  const answer = await api.post("/conversations/sync", fields);
  for (const { id, messages, version, has_more } of answer.conversations) {
    if (!state.rooms[id]) addRoom(id, { messages, version, isAtStart: !has_more });
  }
}

/** Fetch the newest messages of a conversation. */
const loadNewest = oncePerRoom(async (id) => {
  try {
    const fields = { conversationId: id, limit: FIRST_PAGE, read: false };
    addRoom(id, openRoom(await api.get("/conversations/messages", fields), FIRST_PAGE));
  } catch (error) {
    ignoreGone(error);
  }
});

/** Fetch the newest messages of a conversation, unless they are loaded. @param {number} id */
export async function openConversation(id) {
  if (!state.rooms[id]) await loadNewest(id);
}

const loadPage = oncePerRoom(async (id, limit) => {
  const room = state.rooms[id];
  try {
    const fields = { conversationId: id, limit, before_id: room.messages[0].id, read: false };
    const { messages } = await api.get("/conversations/messages", fields);
    setRoom(id, prepend(state.rooms[id] ?? room, messages, limit));
  } catch (error) {
    ignoreGone(error);
    await pause(RETRY_PAGE_MS);
  }
});

/** Fetch the messages before the loaded ones. @param {number} id */
export async function loadOlder(id, limit = OLDER_PAGE) {
  const room = state.rooms[id];
  if (room && !room.isAtStart && room.messages.length > 0) await loadPage(id, limit);
}

/**
 * Fetch older messages until a message is loaded.
 * Returns whether it exists; undefined if the server did not respond.
 * @type {(id: number, messageId: number) => Promise<boolean | undefined>}
 */
export async function loadUntil(id, messageId) {
  await openConversation(id);
  const isKnown = () => state.rooms[id]?.messages.some((each) => each.id === messageId);
  while (!isKnown()) {
    const before = state.rooms[id];
    if (!before || before.isAtStart || before.messages[0].id < messageId) return false;
    await loadOlder(id, SEARCH_PAGE);
    if (state.rooms[id] === before) return undefined;
  }
  return true;
}

/** @type {Set<number>} */
const behind = new Set();
let isCatchingUp = false;
let attempt = 0;

/** Fetch the changes of open conversations since their versions. @param {Iterable<number>} ids */
export async function catchUp(ids) {
  for (const id of ids) behind.add(id);
  if (isCatchingUp) return;
  isCatchingUp = true;
  try {
    while (behind.size > 0) {
      const wanted = [...behind].filter((id) => state.rooms[id]);
      behind.clear();
      if (wanted.length > 0) await sync(wanted);
    }
    attempt = 0;
  } catch {
    setTimeout(() => catchUp([]), backoff(attempt++, Math.random()));
  } finally {
    isCatchingUp = false;
  }
}

async function sync(/** @type {number[]} */ ids) {
  const versions = Object.fromEntries(ids.map((id) => [id, state.rooms[id].version]));
  const fields = { versions, conversation_ids: ids, limit: SYNC_LIMIT };
  const answer = await api.post("/conversations/sync", fields).catch((error) => {
    for (const id of ids) behind.add(id);
    throw error;
  });
  for (const row of answer.conversations) {
    const room = state.rooms[row.id];
    if (!room) continue;
    // A lower version comes from a restored backup: start again.
    if (row.version < versions[row.id]) await loadNewest(row.id);
    else setRoom(row.id, merge(room, row));
    if (row.has_more) behind.add(row.id);
  }
  if (answer.gone.length > 0) await refreshConversations();
}

// --- Reading ---

/** Whether this window is visible and focused. */
export const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

const tabs = new BroadcastChannel("ims");
tabs.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (data.userId !== session.userId()) return;
  if (data.hidden) hideMessages(data.conversation, data.hidden);
  refreshQuietly(refreshConversations);
};

/** @param {Record<string, any>} what */
const tellTabs = (what) => tabs.postMessage({ ...what, userId: session.userId() });

/** @type {Map<number, number>} By conversation: the newest seq that was visible here. */
const seenSeqs = new Map();

/**
 * Mark as read what the user has seen. `seq`: of the newest message that was on the screen.
 * @type {(id: number, seq: number) => void}
 */
export function markRead(id, seq) {
  if (!state.rooms[id] || !conversation(id) || !isWatched()) return;
  if (seq <= (seenSeqs.get(id) ?? 0)) return;
  seenSeqs.set(id, seq);
  sendReadPosition(id);
}

/** Send the newest read position, again after a failure, until the server has it. */
const sendReadPosition = oncePerRoom(async (id) => {
  for (let sent = 0, failures = 0; sent < (seenSeqs.get(id) ?? 0); ) {
    const seq = seenSeqs.get(id) ?? 0;
    const message = state.rooms[id]?.messages.findLast((each) => each.seq <= seq);
    if (!message) return;
    try {
      await postReadPosition(id, message);
      [sent, failures] = [seq, 0];
    } catch (error) {
      if (!(error instanceof api.ApiError && error.isTemporary)) return;
      await pause(backoff(failures++, Math.random()));
    }
  }
});

/** @param {number} id @param {Message} message the newest visible one */
async function postReadPosition(id, message) {
  const unread = () => conversation(id)?.unread_count ?? 0;
  if (unread() === 0 && message.senderid === session.userId()) return;
  await api.post("/conversations/read", { conversation_id: id, message_id: message.id });
  if (unread() === 0) return;
  if (state.rooms[id]?.messages.at(-1)?.id === message.id) {
    change({ conversations: withChanges(state.conversations, id, { unread_count: 0 }) });
  } else refreshQuietly(refreshConversations);
  tellTabs({ conversation: id });
}

/** @param {number} id @param {Record<string, any>} settings `ontop`, `notification`, `unreads` */
export async function changeSettings(id, settings) {
  await api.post("/interface", { conversationId: id, ...settings });
  if ("unreads" in settings) seenSeqs.delete(id);
  tellTabs({ conversation: id });
  await refreshConversations();
}

// --- Deleting ---

/** @param {number} id @param {number[]} messageIds */
function hideMessages(id, messageIds) {
  const room = state.rooms[id];
  if (room) setRoom(id, remove(room, messageIds));
}

/** Remove a message from the view of the user. @param {Message} message */
export async function deleteForMe({ id, conversation }) {
  await api.del("/conversations/delete_messages", { message_ids: [id] });
  hideMessages(conversation, [id]);
  tellTabs({ conversation, hidden: [id] });
  refreshQuietly(refreshConversations);
}

/** Remove a message for all members. @param {Message} message */
export const deleteForAll = ({ id }) => api.del("/conversations/messages", { message_id: id });
