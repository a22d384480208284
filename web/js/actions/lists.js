/** The lists, fetched as a whole after each change. */

import * as api from "../api.js";
import { ApiError } from "../api.js";
import { t } from "../i18n.js";
import { withNewer } from "../model/conversations.js";
import { replace } from "../router.js";
import { change, state } from "../store.js";
import { say, toast } from "../ui/toast.js";

/** @typedef {"members" | "announcements" | "invitations"} GroupPart */

const RETRY_MS = 5000;

/**
 * A loader that runs once at a time, and once more if it was called meanwhile, so that the result
 * is newer than the last call.
 * @param {() => Promise<boolean | void>} load returns whether it must run once more
 * @returns {() => Promise<void>}
 */
function coalesced(load) {
  /** @type {Promise<void> | null} */
  let running = null;
  let isWantedAgain = false;
  async function run() {
    do {
      isWantedAgain = false;
      if (await load()) isWantedAgain = true;
    } while (isWantedAgain);
  }
  return function refresh() {
    isWantedAgain = running !== null;
    running ??= run().finally(() => (running = null));
    return running;
  };
}

/** Lists that fail are fetched at the next connect. @param {(() => Promise<void>)[]} loaders */
export function refreshQuietly(...loaders) {
  for (const refresh of loaders) refresh().catch(() => {});
}

export const refreshConversations = coalesced(async () => {
  const before = state.conversations;
  const answer = await api.get("/conversations");
  // The answer lacks what arrived or was read meanwhile: keep that, and ask again.
  const conversations = withNewer(answer.conversation, before, state.conversations);
  const ids = new Set(conversations.map((each) => String(each.id)));
  const rooms = Object.fromEntries(Object.entries(state.rooms).filter(([id]) => ids.has(id)));
  change({ conversations, rooms });
  const [place, id] = state.route;
  if (place === "c" && id && !ids.has(id)) {
    toast(t("conversationGone"));
    replace("c");
  }
  return conversations !== answer.conversation;
});

/** @param {string} path @param {(answer: any) => Partial<State>} read */
const loader = (path, read) => coalesced(async () => change(read(await api.get(path))));

export const refreshFriends = loader("/friends", ({ friends }) => ({ friends }));
export const refreshRequests = loader("/friend_requests", ({ requests }) => ({ requests }));
export const refreshGroups = loader("/groups", ({ groups }) => ({ groups }));
export const refreshBlocks = loader("/blocks", ({ blocks }) => ({ blocks }));
export const refreshProfile = loader("/account/info", (me) => ({ me }));

/** What a request, or the end of a friendship, changes. */
export async function refreshFriendships() {
  await Promise.all([refreshRequests(), refreshFriends(), refreshConversations()]);
}

/** @type {any} */
let refreshTimer = null;

/** Load all lists. During the outage of a service, those of the others are shown. */
export async function refreshAll() {
  clearTimeout(refreshTimer);
  const others = [refreshProfile, refreshFriends, refreshRequests, refreshGroups, refreshBlocks];
  const settling = Promise.allSettled(others.map((refresh) => refresh()));
  await refreshConversations();
  change({ isLoaded: true });
  if ((await settling).some((/** @type {any} */ { reason }) => reason?.isTemporary)) {
    refreshTimer = setTimeout(() => refreshQuietly(refreshAll), RETRY_MS);
  }
}

// --- Groups ---

/** @type {Record<GroupPart, (id: number) => Promise<any>>} */
const PARTS = {
  members: (id) => api.get("/conversations/get_members", { conversation_id: id }),
  announcements: async (id) =>
    (await api.get("/conversations/manage/notifications", { conversation_id: id })).notifications,
  invitations: async (id) => (await api.get(`/conversations/${id}/invitation`)).invitation,
};

/** @param {number} id @param {GroupPart} part */
export async function refreshPart(id, part) {
  try {
    const answer = await PARTS[part](id);
    change({ [part]: { ...state[part], [id]: answer } });
  } catch (error) {
    ignoreGone(error);
  }
}

const ALL_PARTS = /** @type {GroupPart[]} */ (Object.keys(PARTS));

/** Fetch what the header of a group shows, or all that its details show. @param {number} id */
export async function loadGroup(id, parts = ALL_PARTS) {
  await Promise.all(parts.map((part) => refreshPart(id, part)));
}

/** Fetch the open group again. Other groups are forgotten, and fetched when they are opened. */
export function refreshOpenGroup() {
  const id = Number(state.route[1]);
  for (const part of ALL_PARTS) {
    const { [id]: known, ...others } = state[part];
    if (known) refreshPart(id, part);
    if (Object.keys(others).length > 0) change({ [part]: known ? { [id]: known } : {} });
  }
}

/** @param {unknown} error A conversation that is gone leaves the list by itself. */
export function ignoreGone(error) {
  const isGone = error instanceof ApiError && [400, 404].includes(error.status);
  if (isGone) refreshQuietly(refreshConversations);
  else say(error);
}
