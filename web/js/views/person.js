/** Somebody's card: who they are, and what can be done about it. */

import { attempt, refreshBlocks, refreshConversations, refreshFriends, refreshRequests } from "../actions.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import * as session from "../session.js";
import { change, friend, state } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { confirm, openDialog } from "../ui/dialog.js";
import { field, form, resetForm } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { toast } from "../ui/toast.js";

/** @typedef {{id: number, name: string, email: string, avatar: string, user_info: string, deleted: boolean, isFriend: boolean, groups: {id: number, name: string}[]}} Person */

/** @type {Map<number, Person | null>} Null: there is nobody of that id. */
const known = new Map();

/**
 * Fetch a person's card.
 * @param {number} id
 */
export async function loadPerson(id) {
  try {
    known.set(id, friend(id) ? await friendCard(id) : await strangerCard(id));
  } catch {
    known.set(id, null);
  }
  change();
}

/** @param {number} id */
async function friendCard(id) {
  const { name, email, avatar, user_info, deleted, groups } = await api.get("/manage_friends", { friend_id: id });
  return { id, name, email, avatar, user_info, deleted, groups, isFriend: true };
}

/** @param {number} id */
async function strangerCard(id) {
  const { user } = await api.get("/search_user_detail", { userId: id });
  return { ...user, id, deleted: user.is_deleted, isFriend: user.is_friend, groups: [] };
}

/** Somebody's card in a dialog. @param {number} id */
export function openPerson(id) {
  loadPerson(id);
  openDialog(t("profile"), (close) => personCard(id, close), "person-dialog");
}

/**
 * @param {number} id
 * @param {() => void} close what holds the card
 */
export function personCard(id, close) {
  const person = known.get(id);
  if (person === undefined) return h("div", { class: "spinner", role: "status", "aria-label": t("loading") });
  if (person === null) return h("p", { class: "quiet centered" }, t("errorUserGone"));
  const isBlocked = state.blocks?.some((each) => each.id === id) ?? false;
  return h(
    "div",
    { class: "card-person", key: `person-${id}` },
    avatar(person, "huge"),
    h("h2", { class: "wrap" }, h("bdi", null, person.name)),
    h("p", { class: "quiet wrap" }, person.deleted ? t("accountDeleted") : h("bdi", null, person.email)),
    person.user_info && h("p", { class: "about wrap", dir: "auto" }, person.user_info),
    person.groups.length > 0 && h("p", { class: "tags" }, person.groups.map((each) => h("a", { class: "tag", key: each.id, href: `#/people/g/${each.id}`, onClick: close }, h("bdi", null, each.name)))),
    id === session.userId() ? h("p", { class: "quiet" }, t("thatIsYou")) : actions(person, isBlocked, close),
  );
}

/**
 * @param {Person} person
 * @param {boolean} isBlocked
 * @param {() => void} close
 */
function actions(person, isBlocked, close) {
  const chat = state.conversations.find((each) => each.friend_id === person.id);
  const isFriend = friend(person.id) !== undefined;
  return h(
    "div",
    { class: "actions centered" },
    isFriend && chat && h("a", { class: "button primary", href: `#/c/${chat.id}`, onClick: close }, icon("chat"), t("sendMessage")),
    !isFriend && !person.deleted && h("button", { type: "button", class: "button primary", onClick: () => openRequest(person) }, icon("addPerson"), t("addFriend")),
    state.blocks && h("button", { type: "button", class: "button", onClick: () => (isBlocked ? unblock(person.id) : block(person)) }, icon("shield"), isBlocked ? t("unblock") : t("block")),
    isFriend && h("button", { type: "button", class: "button danger-text", onClick: () => endFriendship(person, close) }, icon("trash"), t("deleteFriend")),
  );
}

/** Ask somebody to be friends. @param {{id: number, name: string}} person */
export function openRequest(person) {
  resetForm("request");
  openDialog(t("addFriend"), (close) =>
    form({
      key: "request",
      fields: [
        h("p", { class: "plain" }, t("requestText", { name: person.name })),
        field(t("requestMessage"), "message", { maxlength: "255", rows: 3 }),
      ],
      submit: t("sendRequest"),
      onSubmit: async ({ message }) => {
        await api.post("/add_friend", { target_id: person.id, message });
        close();
        toast(t("requestSent"));
        refreshRequests();
      },
    }),
  );
}

/**
 * @param {Person} person
 * @param {() => void} close
 */
async function endFriendship(person, close) {
  if (!(await confirm(t("deleteFriend"), t("deleteFriendText", { name: person.name }), t("delete")))) return;
  const isDone = await attempt(async () => {
    await api.del("/manage_friends", { friend_id: person.id });
    await Promise.all([refreshFriends(), refreshConversations()]);
  }, t("friendDeleted"));
  if (!isDone) return;
  close();
  await loadPerson(person.id);
}

/** @param {Person} person */
async function block(person) {
  if (!(await confirm(t("block"), t("blockText", { name: person.name }), t("block")))) return;
  await attempt(async () => {
    await api.post("/blocks", { user_id: person.id });
    await Promise.all([refreshBlocks(), refreshFriends(), refreshConversations()]);
  }, t("blocked"));
  await loadPerson(person.id);
}

/** @param {number} id */
export const unblock = (id) =>
  attempt(async () => {
    await api.del("/blocks", { user_id: id });
    await refreshBlocks();
  }, t("unblocked"));

