/** Sending: each message is shown at once, and sent under its `client_id` until it is answered. */

import * as api from "../api.js";
import { backoff } from "../backoff.js";
import { describe } from "../errors.js";
import { acknowledge, nextToSend, settle } from "../model/outbox.js";
import * as storage from "../outbox_storage.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { catchUp } from "./messages.js";

const FRAME_GRACE_MS = 500;

/** @type {Set<string>} */
const inFlight = new Set();
/** @type {any} */
let retryTimer = null;
let retryAttempt = 0;

const userId = () => session.userId() ?? 0;
const newestSeq = (/** @type {number} */ id) => state.rooms[id]?.messages.at(-1)?.seq ?? 0;

const withPreview = (/** @type {Pending} */ pending) =>
  pending.image ? { ...pending, preview: URL.createObjectURL(pending.image) } : pending;

/** Send messages that were pending when the page was closed. */
export async function restoreOutbox() {
  const kept = await storage.restore(userId());
  change({ outbox: [...kept.map(withPreview), ...state.outbox] });
  pump();
}

export const forgetOutbox = () => storage.forgetAll(userId());

/** `crypto.randomUUID` needs a secure context; random values do not. */
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} id @param {{content?: string, reply?: Pending["reply"], image?: Blob}} what */
export function send(id, { content = "", reply = null, image }) {
  /** @type {Pending} */
  const pending = {
    client_id: newClientId(),
    conversation: id,
    content,
    reply,
    image,
    sinceSeq: newestSeq(id),
    created_time: new Date().toISOString(),
    problem: null,
  };
  storage.keep(userId(), pending);
  change({ outbox: [...state.outbox, withPreview(pending)] });
  pump();
}

/** @param {string} clientId @param {Partial<Pending>} changes */
function changePending(clientId, changes) {
  const changed = (/** @type {Pending} */ each) =>
    each.client_id === clientId ? { ...each, ...changes } : each;
  change({ outbox: state.outbox.map(changed) });
}

export function discard(/** @type {Pending} */ pending) {
  storage.forget(pending);
  change({ outbox: state.outbox.filter((each) => each.client_id !== pending.client_id) });
  pump();
}

export function retry(/** @type {Pending} */ { client_id }) {
  changePending(client_id, { problem: null });
  pump();
}

/** Send pending messages without a pause. */
export function hurry() {
  retryAttempt = 0;
  pump();
}

function pump() {
  clearTimeout(retryTimer);
  for (const pending of nextToSend(state.outbox)) {
    if (!inFlight.has(pending.client_id)) deliver(pending);
  }
}

async function deliver(/** @type {Pending} */ pending) {
  const { client_id, conversation: id } = pending;
  inFlight.add(client_id);
  try {
    const { seq } = await post(pending);
    inFlight.delete(client_id);
    retryAttempt = 0;
    storage.forget(pending);
    change({ outbox: acknowledge(state.outbox, pending, seq) });
    if (!state.rooms[id] || newestSeq(id) >= seq) change({ outbox: settle(state.outbox, id, seq) });
    else setTimeout(fetchSent, state.connection === "online" ? FRAME_GRACE_MS : 0, id, seq);
    pump();
  } catch (error) {
    inFlight.delete(client_id);
    if (error instanceof api.ApiError && error.isTemporary) {
      clearTimeout(retryTimer);
      const wait = Math.max(error.retryAfter * 1000, backoff(retryAttempt++, Math.random()));
      retryTimer = setTimeout(pump, wait);
    } else {
      changePending(client_id, { problem: describe(error) });
      pump();
    }
  }
}

/** The frame of a sent message did not come: fetch it. @param {number} id @param {number} seq */
async function fetchSent(id, seq) {
  if (!state.rooms[id] || newestSeq(id) >= seq) return;
  await catchUp([id]);
  change({ outbox: settle(state.outbox, id, seq) });
}

function post(/** @type {Pending} */ { conversation, client_id, content, reply, image }) {
  const fields = { conversationId: conversation, client_id };
  if (!image) {
    const reply_to = reply ? { reply_to: reply.id } : {};
    return api.post("/conversations/messages", { ...fields, content, ...reply_to });
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  form.append("image", image);
  return api.upload("/conversations/image", form);
}
