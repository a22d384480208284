/** Signing in and out, the live connection, and the handlers of its frames. */

import * as api from "../api.js";
import { backoff, pause } from "../backoff.js";
import { contentOf } from "../format.js";
import { Live } from "../live.js";
import { withMessage } from "../model/conversations.js";
import { receive } from "../model/rooms.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import * as lists from "./lists.js";
import { catchUp, preload, setRoom } from "./messages.js";
import { forgetOutbox, hurry, restoreOutbox } from "./sending.js";

const { refreshConversations, refreshFriends, refreshGroups, refreshQuietly } = lists;

/** @type {Record<string, (frame: any) => void>} */
const FRAMES = {
  notify: ({ conversationId, message, deleted_message_id }) => {
    if (message) arrive(message);
    if (!deleted_message_id) return;
    catchUp([Number(conversationId)]);
    refreshQuietly(refreshConversations);
  },
  already_read: ({ conversationId, user_id, read_seq }) => {
    const before = state.readSeqs[conversationId] ?? {};
    const seqs = { ...before, [user_id]: Math.max(before[user_id] ?? 0, read_seq) };
    change({ readSeqs: { ...state.readSeqs, [conversationId]: seqs } });
  },
  request_message: () => refreshQuietly(lists.refreshFriendships),
  delete_friend: () => refreshQuietly(refreshFriends, refreshConversations, refreshGroups),
  conv_setting: () => {
    refreshQuietly(refreshConversations, refreshFriends);
    lists.refreshOpenGroup();
  },
  remove_members: () => refreshQuietly(refreshConversations),
  modify_members: refresherOf("members"),
  notification_message: refresherOf("announcements"),
  invitation_message: refresherOf("invitations"),
};

function refresherOf(/** @type {lists.GroupPart} */ part) {
  return (/** @type {{conversationId: number}} */ { conversationId: id }) => {
    if (state[part][id]) lists.refreshPart(Number(id), part);
  };
}

function arrive(/** @type {Message} */ message) {
  const id = message.conversation;
  const isOwn = message.senderid === session.userId();
  const known = state.rooms[id];
  if (known) {
    const { room, hasGap } = receive(known, message);
    if (hasGap) catchUp([id]);
    else if (room !== known) setRoom(id, room);
  }
  const [place, openId] = state.route;
  if (!isOwn && place !== "people" && Number(openId) === id) {
    change({ heard: `${message.sendername}: ${contentOf(message)}` });
  }
  const conversations = withMessage(state.conversations, message, isOwn);
  if (conversations === null) refreshQuietly(refreshConversations);
  else change({ conversations });
}

/** @type {Live} */
let live;

/** After signing in: load everything, connect, and send pending messages. */
export async function start() {
  api.onSessionEnded.handle = () => session.end(true);
  restoreOutbox();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  live = new Live(`${scheme}://${location.host}/ws/`, session.subprotocols, {
    onOpen: connected,
    onFrame: (frame) => FRAMES[frame.type]?.(frame),
    onState: (connection) => change({ connection }),
    onEnded: () => api.onSessionEnded.handle(),
    onRefused: () => refreshQuietly(lists.refreshProfile),
  });
  live.start();
  addEventListener("online", () => live.hurry());
  addEventListener("offline", () => live.lose());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connected();
  });
  // Without the first load there is nothing to show, so it is retried.
  for (let attempt = 0; !state.isLoaded; attempt++) {
    await lists.refreshAll().catch(() => pause(backoff(attempt, Math.random())));
  }
  refreshQuietly(preload);
}

/** Frames may have been missed: fetch everything that is shown, and send pending messages. */
function connected() {
  live.hurry();
  if (!state.isLoaded) return;
  refreshQuietly(lists.refreshAll);
  catchUp(Object.keys(state.rooms).map(Number));
  lists.refreshOpenGroup();
  hurry();
}

/** Connect again after the server has closed the connection of too many windows. */
export const reconnect = () => live.start();

/**
 * End the session by a request, here and in the windows that share it. The server's notice of the
 * end may come first, and must not reload the page before the unsent messages are deleted.
 * @param {() => Promise<unknown>} request
 */
export async function leave(request) {
  const { handle } = api.onSessionEnded;
  api.onSessionEnded.handle = () => {};
  try {
    await request();
  } catch (error) {
    api.onSessionEnded.handle = handle;
    throw error;
  }
  await forgetOutbox();
  session.end();
}

export const signOut = () => leave(() => api.post("/account/logout").catch(() => {}));
