/** Everything that the page shows, in one place; a change of it redraws the page once. */

import * as session from "./session.js";

/** @type {State} */
export const state = {
  config: {
    public_base: "",
    password_transport: "any",
    password_transport_key: "",
    registration: "open",
  },
  me: null,
  route: [],
  connection: "connecting",
  isLoaded: false,
  conversations: [],
  rooms: {},
  outbox: [],
  friends: [],
  requests: [],
  groups: [],
  blocks: null,
  members: {},
  announcements: {},
  invitations: {},
  heard: "",
  readSeqs: {},
};

/** @type {Set<() => void>} */
const listeners = new Set();
let isScheduled = false;

/** Draw again after every change, once for all changes of a moment. @param {() => void} listener */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {Partial<State>} [changes] */
export function change(changes = {}) {
  Object.assign(state, changes);
  if (isScheduled) return;
  isScheduled = true;
  // A hidden page has no frames, and its title still counts what is unread.
  if (document.hidden) setTimeout(draw);
  else requestAnimationFrame(draw);
}

/** Draw now. */
export function draw() {
  isScheduled = false;
  for (const listener of listeners) listener();
}

/** @param {number} id @returns {Conversation | undefined} */
export const conversation = (id) => state.conversations.find((each) => each.id === id);

/** A person as far as this page has heard of them. @param {number} id */
export const friend = (id) => state.friends.find((each) => each.id === id);

export const waitingRequests = () =>
  state.requests.filter((each) => each.status === 0 && each.receiver_user_id === session.userId());
