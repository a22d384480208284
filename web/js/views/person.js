/** The card of a user, and what can be done. */

import * as lists from "../actions/lists.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { describe } from "../errors.js";
import { t } from "../i18n.js";
import * as session from "../session.js";
import { change, friend, state } from "../store.js";
import {
  attempt, button, confirm, field, linkButton, openDialog, openForm, portrait, spinner, toast,
} from "../ui/index.js";

/** @type {Map<number, Person | string>} A text: why there is no card. */
const known = new Map();

/** Fetch the data of a user. @param {number} id */
export async function loadPerson(id) {
  try {
    known.set(id, friend(id) ? await friendCard(id) : await strangerCard(id));
  } catch (error) {
    known.set(id, describe(error));
  }
  change();
}

/** @param {number} id @returns {Promise<Person>} */
const friendCard = async (id) => ({ ...(await api.get("/manage_friends", { friend_id: id })), id });

/** @param {number} id @returns {Promise<Person>} */
async function strangerCard(id) {
  const { user } = await api.get("/search_user_detail", { userId: id });
  return { ...user, id, deleted: user.is_deleted, groups: [] };
}

/** A user's card in a dialog. @param {number} id */
export function openPerson(id) {
  loadPerson(id);
  openDialog(t("profile"), (close) => personCard(id, close));
}

/** @param {number} id @param {() => void} close closes the dialog */
export function personCard(id, close) {
  const person = known.get(id);
  if (person === undefined) return spinner();
  if (typeof person === "string") return h("p.quiet.centered", person);
  const { email, deleted, groups, user_info } = person;
  return h("div.card-person", { key: `person-${id}` },
    portrait(person, deleted ? t("accountDeleted") : h("bdi", email), user_info),
    groups.length > 0 && h("p.tags", groups.map((each) => groupTag(each, close))),
    id === session.userId() ? h("p.quiet", t("thatIsYou")) : actions(person, close),
  );
}

/** @param {{id: number, name: string}} group @param {() => void} close */
const groupTag = ({ id, name }, close) =>
  h("a.tag", { key: id, href: `#/people/g/${id}`, onClick: close }, h("bdi", name));

/** @param {Person} person @param {() => void} close */
function actions(person, close) {
  const chat = state.conversations.find((each) => each.friend_id === person.id);
  const isFriend = friend(person.id) !== undefined;
  const isBlocked = state.blocks?.some((each) => each.id === person.id);
  const toggleBlock = () => (isBlocked ? unblock(person.id) : block(person));
  const unfriend = () => endFriendship(person, close);
  const openChat = { class: "primary", onClick: close };
  return h("div.actions.centered",
    isFriend &&
      chat &&
      state.route[1] !== String(chat.id) &&
      linkButton(t("sendMessage"), `#/c/${chat.id}`, openChat),
    !isFriend &&
      !person.deleted &&
      button(t("addFriend"), () => openRequest(person), "addPerson", "primary"),
    state.blocks && button(isBlocked ? t("unblock") : t("block"), toggleBlock, "shield"),
    isFriend && button(t("deleteFriend"), unfriend, "trash", "danger-text"),
  );
}

/** Send a friend request. @param {{id: number, name: string}} person */
export const openRequest = ({ id, name }) =>
  openForm(t("addFriend"), t("sendRequest"),
    () => [
      h("p", t("requestText", { name })),
      field(t("requestMessage"), "message", { maxlength: "255", rows: 3 }),
    ],
    async ({ message }) => {
      await api.post("/add_friend", { target_id: id, message });
      toast(t("requestSent"));
      lists.refreshRequests();
    },
  );

/** @param {Person} person @param {() => void} close */
async function endFriendship({ id, name }, close) {
  const end = async () => {
    await api.del("/manage_friends", { friend_id: id });
    await lists.refreshFriendships();
  };
  const text = t("deleteFriendText", { name });
  if (!(await confirm(t("deleteFriend"), text, t("delete"), end, t("friendDeleted")))) return;
  close();
  await loadPerson(id);
}

function block(/** @type {Person} */ { id, name }) {
  const run = async () => {
    await api.post("/blocks", { user_id: id });
    await Promise.all([lists.refreshBlocks(), lists.refreshFriendships()]);
    await loadPerson(id);
  };
  return confirm(t("block"), t("blockText", { name }), t("block"), run, t("blocked"));
}

export const unblock = (/** @type {number} */ id) =>
  attempt(async () => {
    await api.del("/blocks", { user_id: id });
    await lists.refreshBlocks();
  }, t("unblocked"));
