/** The state of the page. A change renders the page once. */

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

/** Render after changes, once per animation frame. @param {() => void} listener */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {Partial<State>} [changes] */
export function change(changes = {}) {
  Object.assign(state, changes);
  if (isScheduled) return;
  isScheduled = true;
  // A hidden page has no animation frames, but its title counts unread messages.
  if (document.hidden) setTimeout(draw);
  else requestAnimationFrame(draw);
}

/** Render now. */
export function draw() {
  isScheduled = false;
  for (const listener of listeners) listener();
}

/** @param {number} id @returns {Conversation | undefined} */
export const conversation = (id) => state.conversations.find((each) => each.id === id);

/** The known data of a user. @param {number} id */
export const friend = (id) => state.friends.find((each) => each.id === id);

export const waitingRequests = () =>
  state.requests.filter((each) => each.status === 0 && each.receiver_user_id === session.userId());
