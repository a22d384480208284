/** What people do, and what the server tells: requests, the live connection, and the state after it. */

import * as api from "./api.js";
import { ApiError } from "./api.js";
import { describe } from "./errors.js";
import { t } from "./i18n.js";
import { Live } from "./live.js";
import { withChanges, withMessage } from "./model/conversations.js";
import { acknowledge, backoff, nextToSend, settle } from "./model/outbox.js";
import { merge, openRoom, prepend, receive, remove } from "./model/rooms.js";
import { replace } from "./router.js";
import * as session from "./session.js";
import { change, conversation, state } from "./store.js";
import { toast } from "./ui/toast.js";

/** @typedef {import("./model/outbox.js").Pending} Pending */
/** @typedef {import("./model/rooms.js").Room} Room */

const FIRST_PAGE = 50;
const OLDER_PAGE = 100;
const SEARCH_PAGE = 1000;
const SYNC_LIMIT = 200;
const FRAME_GRACE_MS = 500;
const RETRY_LISTS_MS = 5000;

// --- Lists ---

/**
 * A loader that runs once at a time, and once more if it was wanted meanwhile: what is shown in
 * the end was fetched after the last reason to fetch it.
 * @param {() => Promise<void>} load
 * @returns {() => Promise<void>}
 */
function coalesced(load) {
  /** @type {Promise<void> | null} */
  let running = null;
  let isWantedAgain = false;
  return function refresh() {
    isWantedAgain = running !== null;
    running ??= (async () => {
      try {
        do {
          isWantedAgain = false;
          await load();
        } while (isWantedAgain);
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

/** @param {Promise<void>} refreshing A refresh that fails is made up for at the next connect. */
const quietly = (refreshing) => refreshing.catch(() => {});

export const refreshConversations = coalesced(async () => {
  const answer = await api.get("/conversations");
  const ids = new Set(answer.conversation.map((/** @type {{id: number}} */ each) => each.id));
  const rooms = Object.fromEntries(Object.entries(state.rooms).filter(([id]) => ids.has(Number(id))));
  change({ conversations: answer.conversation, rooms });
  const [place, id] = state.route;
  if (place === "c" && id && !ids.has(Number(id))) leaveGone();
});

export const refreshFriends = coalesced(async () => {
  change({ friends: (await api.get("/friends")).friends });
});

export const refreshRequests = coalesced(async () => {
  change({ requests: (await api.get("/friend_requests")).requests });
});

export const refreshGroups = coalesced(async () => {
  change({ groups: (await api.get("/groups")).groups });
});

export const refreshBlocks = coalesced(async () => {
  change({ blocks: (await api.get("/blocks")).blocks });
});

export const refreshProfile = coalesced(async () => {
  change({ me: await api.get("/account/info") });
});

/** @type {any} */
let refreshTimer = null;

/** Everything that is shown in lists. While a service is down, what the others have is shown. */
export async function refreshAll() {
  clearTimeout(refreshTimer);
  const others = [refreshProfile, refreshFriends, refreshRequests, refreshGroups, refreshBlocks];
  const settling = Promise.allSettled(others.map((refresh) => refresh()));
  await refreshConversations();
  change({ isLoaded: true });
  const isTemporary = (/** @type {any} */ { status, reason }) =>
    status === "rejected" && reason instanceof ApiError && reason.isTemporary;
  if ((await settling).some(isTemporary)) {
    refreshTimer = setTimeout(() => quietly(refreshAll()), RETRY_LISTS_MS);
  }
}

function leaveGone() {
  toast(t("conversationGone"));
  replace("c");
}

/**
 * @param {number} id
 * @param {"members" | "announcements" | "invitations"} what
 */
async function refreshPart(id, what) {
  if (what === "members") {
    const { identity, members } = await api.get("/conversations/get_members", { conversation_id: id });
    change({ members: { ...state.members, [id]: { identity, members } } });
  } else if (what === "announcements") {
    const answer = await api.get("/conversations/manage/notifications", { conversation_id: id });
    change({ announcements: { ...state.announcements, [id]: answer.notifications } });
  } else {
    const answer = await api.get(`/conversations/${id}/invitation`);
    change({ invitations: { ...state.invitations, [id]: answer.invitation } });
  }
}

/** Members, announcements and invitations of a group, for its header and its details. */
export async function loadGroup(/** @type {number} */ id) {
  await Promise.all([
    refreshPart(id, "members"),
    refreshPart(id, "announcements"),
    refreshPart(id, "invitations"),
  ]).catch(ignoreGone);
}

/** @param {unknown} error A conversation that is gone leaves the list by itself. */
function ignoreGone(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 404 || error.status === 400) return void quietly(refreshConversations());
  toast(describe(error), "problem");
}

// --- Messages ---

/**
 * @param {number} id
 * @param {Room} room
 */
function setRoom(id, room) {
  const newest = room.messages.at(-1)?.seq ?? 0;
  const outbox = settle(state.outbox, id, newest);
  change({ rooms: { ...state.rooms, [id]: room }, outbox });
}

/** @type {Map<number, Promise<void>>} */
const opening = new Map();

/**
 * Fetch the newest messages of a conversation, unless they are known.
 * @param {number} id
 * @returns {Promise<void>}
 */
export function openConversation(id) {
  if (state.rooms[id]) return Promise.resolve();
  let running = opening.get(id);
  if (!running) {
    running = loadRoom(id).finally(() => opening.delete(id));
    opening.set(id, running);
  }
  return running;
}

/** @param {number} id */
async function loadRoom(id) {
  try {
    const fields = { conversationId: id, limit: FIRST_PAGE, read: false };
    setRoom(id, openRoom(await api.get("/conversations/messages", fields), FIRST_PAGE));
  } catch (error) {
    ignoreGone(error);
  }
}

/** @type {Map<number, Promise<void>>} */
const paging = new Map();

/**
 * Fetch what is older than what is known.
 * @param {number} id
 * @param {number} limit
 */
export function loadOlder(id, limit = OLDER_PAGE) {
  const room = state.rooms[id];
  if (!room || room.isAtStart || room.messages.length === 0) return Promise.resolve();
  let running = paging.get(id);
  if (!running) {
    const fields = { conversationId: id, limit, before_id: room.messages[0].id, read: false };
    running = api
      .get("/conversations/messages", fields)
      .then(({ messages }) => setRoom(id, prepend(state.rooms[id] ?? room, messages, limit)))
      .catch(ignoreGone)
      .finally(() => paging.delete(id));
    paging.set(id, running);
  }
  return running;
}

/**
 * Fetch older messages until one is known.
 * @param {number} id
 * @param {number} messageId
 * @returns {Promise<boolean>} whether it is there
 */
export async function loadUntil(id, messageId) {
  await openConversation(id);
  const isKnown = () => state.rooms[id]?.messages.some((each) => each.id === messageId);
  while (!isKnown()) {
    const before = state.rooms[id];
    if (!before || before.isAtStart || before.messages[0].id < messageId) return false;
    await loadOlder(id, SEARCH_PAGE);
    if (state.rooms[id] === before) return false;
  }
  return true;
}

/** @type {Set<number>} */
const behind = new Set();
let isCatchingUp = false;
let catchUpAttempt = 0;

/**
 * Fetch what some open conversations lack, by their versions.
 * @param {Iterable<number>} ids
 */
async function catchUp(ids) {
  for (const id of ids) behind.add(id);
  if (isCatchingUp) return;
  isCatchingUp = true;
  try {
    while (behind.size > 0) {
      const wanted = [...behind].filter((id) => state.rooms[id]);
      behind.clear();
      if (wanted.length > 0) await catchUpOnce(wanted);
    }
    catchUpAttempt = 0;
  } catch {
    setTimeout(() => catchUp([]), backoff(catchUpAttempt++, Math.random()));
  } finally {
    isCatchingUp = false;
  }
}

/** @param {number[]} ids */
async function catchUpOnce(ids) {
  const versions = Object.fromEntries(ids.map((id) => [id, state.rooms[id].version]));
  const fields = { versions, conversation_ids: ids, limit: SYNC_LIMIT };
  const answer = await api.post("/conversations/sync", fields).catch((error) => {
    for (const id of ids) behind.add(id);
    throw error;
  });
  for (const row of answer.conversations) {
    const room = state.rooms[row.id];
    if (!room) continue;
    // A version that went back belongs to a restored backup: begin again.
    if (row.version < versions[row.id]) await loadRoom(row.id);
    else setRoom(row.id, merge(room, row));
    if (row.has_more) behind.add(row.id);
  }
  if (answer.gone.length > 0) await refreshConversations();
}

/** Whether somebody looks at this window. */
export const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

const tabs = new BroadcastChannel("ims");
tabs.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (data.userId !== session.userId()) return;
  if (data.hidden) hideMessages(data.conversation, data.hidden);
  quietly(refreshConversations());
};

/** @param {Record<string, any>} what */
const tellTabs = (what) => tabs.postMessage({ ...what, userId: session.userId() });

/** @type {Map<number, number>} By conversation: the newest seq that was marked as read from here. */
const markedSeqs = new Map();

/**
 * Mark as read what somebody has seen.
 * @param {number} id
 * @param {number} seq of the newest message that was on the screen
 */
export async function markRead(id, seq) {
  const room = state.rooms[id];
  const row = conversation(id);
  if (!room || !row || !isWatched() || seq <= (markedSeqs.get(id) ?? 0)) return;
  const message = room.messages.findLast((each) => each.seq <= seq);
  if (!message) return;
  markedSeqs.set(id, seq);
  if (row.unread_count === 0 && message.senderid === session.userId()) return;
  try {
    await api.post("/conversations/read", { conversation_id: id, message_id: message.id });
  } catch {
    markedSeqs.delete(id);
    return;
  }
  if (row.unread_count === 0) return;
  if (state.rooms[id]?.messages.at(-1)?.seq === seq) {
    change({ conversations: withChanges(state.conversations, id, { unread_count: 0 }) });
  } else quietly(refreshConversations());
  tellTabs({ conversation: id });
}

/**
 * @param {number} id
 * @param {number[]} messageIds
 */
function hideMessages(id, messageIds) {
  const room = state.rooms[id];
  if (room) setRoom(id, remove(room, messageIds));
}

/**
 * Remove messages from one's own view.
 * @param {number} id
 * @param {number[]} messageIds
 */
export async function deleteForMe(id, messageIds) {
  await api.del("/conversations/delete_messages", { message_ids: messageIds });
  hideMessages(id, messageIds);
  tellTabs({ conversation: id, hidden: messageIds });
  quietly(refreshConversations());
}

/** Remove a message for everybody. */
export const deleteForAll = (/** @type {number} */ messageId) =>
  api.del("/conversations/messages", { message_id: messageId });

/**
 * @param {number} id
 * @param {Record<string, any>} settings `ontop`, `notification`, `unreads`
 */
export async function changeSettings(id, settings) {
  await api.post("/interface", { conversationId: id, ...settings });
  if ("unreads" in settings) markedSeqs.delete(id);
  tellTabs({ conversation: id });
  await refreshConversations();
}

// --- Sending ---

const storageKey = (/** @type {Pending} */ pending) => `ims.outbox.${session.userId()}.${pending.client_id}`;

/** @type {Set<string>} */
const inFlight = new Set();
/** @type {any} */
let retryTimer = null;
let retryAttempt = 0;

/** What was written and not sent before the page was loaded. */
function restoreOutbox() {
  const prefix = `ims.outbox.${session.userId()}.`;
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  const outbox = keys.map((key) => JSON.parse(localStorage.getItem(key) ?? "null"));
  outbox.sort((a, b) => a.created_time.localeCompare(b.created_time));
  change({ outbox });
}

function forgetOutbox() {
  const prefix = `ims.outbox.${session.userId()}.`;
  for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
}

/** `crypto.randomUUID` needs a secure context; random values do not. */
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number} id
 * @param {{content?: string, reply?: Pending["reply"], image?: Blob}} what
 */
export function send(id, { content = "", reply = null, image }) {
  /** @type {Pending} */
  const pending = {
    client_id: newClientId(),
    conversation: id,
    content,
    reply,
    sinceSeq: state.rooms[id]?.messages.at(-1)?.seq ?? 0,
    created_time: new Date().toISOString(),
    problem: null,
  };
  if (image) Object.assign(pending, { image, preview: URL.createObjectURL(image) });
  else localStorage.setItem(storageKey(pending), JSON.stringify(pending));
  change({ outbox: [...state.outbox, pending] });
  pump();
}

/** @param {Pending} pending */
export function discard(pending) {
  localStorage.removeItem(storageKey(pending));
  change({ outbox: state.outbox.filter((each) => each.client_id !== pending.client_id) });
  pump();
}

/** @param {Pending} pending */
export function retry(pending) {
  change({ outbox: state.outbox.map((each) => (each === pending ? { ...each, problem: null } : each)) });
  pump();
}

function pump() {
  clearTimeout(retryTimer);
  for (const pending of nextToSend(state.outbox)) {
    if (!inFlight.has(pending.client_id)) deliver(pending);
  }
}

/** @param {Pending} pending */
async function deliver(pending) {
  inFlight.add(pending.client_id);
  const { conversation: id, client_id } = pending;
  try {
    const { seq } = pending.image ? await postImage(pending) : await postText(pending);
    retryAttempt = 0;
    localStorage.removeItem(storageKey(pending));
    change({ outbox: acknowledge(state.outbox, pending, seq) });
    const newest = state.rooms[id]?.messages.at(-1)?.seq ?? 0;
    if (newest >= seq || !state.rooms[id]) change({ outbox: settle(state.outbox, id, seq) });
    else setTimeout(fetchSent, state.connection === "online" ? FRAME_GRACE_MS : 0, id, seq);
  } catch (error) {
    fail(pending, error);
  } finally {
    inFlight.delete(client_id);
  }
  if (state.outbox.some((each) => each.client_id === client_id && each.sentSeq === undefined && !each.problem)) return;
  pump();
}

/**
 * The frame of a sent message did not come: fetch it.
 * @param {number} id
 * @param {number} seq
 */
async function fetchSent(id, seq) {
  if ((state.rooms[id]?.messages.at(-1)?.seq ?? seq) >= seq) return;
  await catchUp([id]);
  change({ outbox: settle(state.outbox, id, seq) });
}

/** @param {Pending} pending */
const postText = (pending) =>
  api.post("/conversations/messages", {
    conversationId: pending.conversation,
    content: pending.content,
    client_id: pending.client_id,
    ...(pending.reply && { reply_to: pending.reply.id }),
  });

/** @param {Pending} pending */
function postImage(pending) {
  const form = new FormData();
  form.append("conversationId", String(pending.conversation));
  form.append("client_id", pending.client_id);
  form.append("image", /** @type {Blob} */ (pending.image));
  return api.upload("/conversations/image", form);
}

/**
 * @param {Pending} pending
 * @param {unknown} error
 */
function fail(pending, error) {
  if (error instanceof ApiError && error.isTemporary) {
    const pause = Math.max(error.retryAfter * 1000, backoff(retryAttempt++, Math.random()));
    clearTimeout(retryTimer);
    retryTimer = setTimeout(pump, pause);
    return;
  }
  const problem = describe(error);
  const outbox = state.outbox.map((each) =>
    each.client_id === pending.client_id ? { ...each, problem } : each,
  );
  change({ outbox });
}

// --- Live ---

/** @type {Record<string, (frame: any) => void>} */
const FRAMES = {
  notify: (frame) => {
    const id = Number(frame.conversationId);
    if (frame.message) arrive(frame.message);
    if (frame.deleted_message_id) {
      catchUp([id]);
      quietly(refreshConversations());
    }
  },
  already_read: ({ conversationId, user_id, read_seq }) => {
    const before = state.readSeqs[conversationId] ?? {};
    const seqs = { ...before, [user_id]: Math.max(before[user_id] ?? 0, read_seq) };
    change({ readSeqs: { ...state.readSeqs, [conversationId]: seqs } });
  },
  request_message: () => {
    for (const refresh of [refreshRequests, refreshFriends, refreshConversations]) quietly(refresh());
  },
  delete_friend: () => {
    for (const refresh of [refreshFriends, refreshConversations, refreshGroups]) quietly(refresh());
  },
  conv_setting: () => {
    for (const refresh of [refreshConversations, refreshFriends]) quietly(refresh());
    for (const id of Object.keys(state.members)) refreshPart(Number(id), "members").catch(ignoreGone);
  },
  modify_members: ({ conversationId }) => refreshShown(conversationId, "members"),
  remove_members: () => quietly(refreshConversations()),
  notification_message: ({ conversationId }) => refreshShown(conversationId, "announcements"),
  invitation_message: ({ conversationId }) => refreshShown(conversationId, "invitations"),
};

/**
 * @param {string} id
 * @param {"members" | "announcements" | "invitations"} what
 */
function refreshShown(id, what) {
  if (state[what][Number(id)]) refreshPart(Number(id), what).catch(ignoreGone);
}

/** @param {import("./model/rooms.js").Message} message */
function arrive(message) {
  const id = message.conversation;
  const known = state.rooms[id];
  if (known) {
    const { room, hasGap } = receive(known, message);
    if (hasGap) catchUp([id]);
    else if (room !== known) setRoom(id, room);
  }
  const isOpen = Number(state.route[1]) === id && state.route[0] !== "people";
  if (isOpen && message.senderid !== session.userId()) {
    const content = message.type === 1 ? t("imagePreview") : message.content;
    change({ heard: `${message.sendername}: ${content}` });
  }
  const conversations = withMessage(state.conversations, message, message.senderid === session.userId());
  if (conversations === null) quietly(refreshConversations());
  else change({ conversations });
}

/** @type {Live} */
let live;

/** Sign in: load everything, connect, and go on with what was not sent. */
export async function start() {
  api.onSessionEnded.handle = () => session.end(true);
  restoreOutbox();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  live = new Live(`${scheme}://${location.host}/ws/`, session.subprotocols, {
    onOpen: connected,
    onFrame: (frame) => FRAMES[frame.type]?.(frame),
    onState: (connection) => change({ connection }),
    onEnded: () => session.end(true),
    onRefused: () => quietly(refreshProfile()),
  });
  live.start();
  addEventListener("online", () => live.hurry());
  addEventListener("offline", () => live.lose());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connected();
  });
  await loadUntilAnswered();
}

/** The first load is repeated until it succeeds: without it there is nothing to show. */
async function loadUntilAnswered() {
  for (let attempt = 0; !state.isLoaded; attempt++) {
    try {
      await refreshAll();
    } catch {
      await new Promise((resume) => setTimeout(resume, backoff(attempt, Math.random())));
    }
  }
}

/** Frames may have been missed: fetch what is shown, and send what waits. */
function connected() {
  live.hurry();
  if (!state.isLoaded) return;
  quietly(refreshAll());
  catchUp(Object.keys(state.rooms).map(Number));
  for (const id of Object.keys(state.members)) loadGroup(Number(id));
  retryAttempt = 0;
  pump();
}

/** Connect again after there were too many windows. */
export const reconnect = () => live.start();

/** Sign out here and in the windows that share the sign-in. */
export async function signOut() {
  api.onSessionEnded.handle = () => {};
  await api.post("/account/logout").catch(() => {});
  forgetOutbox();
  session.end();
}

/**
 * Do something that may fail, and say so if it does.
 * @param {() => Promise<any>} action
 * @param {string} [done] what to say when it is done
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function attempt(action, done) {
  try {
    await action();
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(describe(error), "problem");
    return false;
  }
}
