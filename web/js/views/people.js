/** Friends, requests, groups of friends, and the search for users. */

import * as lists from "../actions/lists.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { moment } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, state, waitingRequests } from "../store.js";
import {
  attempt, avatar, badge, button, chosenPeople, confirm, emptyNote, field, form, icon, iconButton,
  iconLink, linkButton, mainPane, nameField, openForm, peopleField, preview, rowText,
} from "../ui/index.js";
import { loadPerson, openRequest, personCard } from "./person.js";

const ui = {
  /** @type {any[] | null} The results of the search. */
  found: null,
  /** @type {string} The current view of the main pane. */
  shown: "",
  /** @type {{id: number, name: string, members: Friend[]} | null} */
  group: null,
};

export function peopleList(/** @type {string | undefined} */ place) {
  const [, , id] = state.route;
  const row = (/** @type {string} */ path, /** @type {Child[]} */ ...content) => {
    const isShown = path === (place === "requests" ? place : `${place}/${id}`);
    const props = { href: `#/people/${path}`, "aria-current": isShown && "true" };
    return h("li.row", { key: path }, h("a.row-link", props, content));
  };
  const sign = (/** @type {IconName} */ name) => h("span.avatar.plain-icon", icon(name));
  const add = "#/people/add";
  return h("section.list-pane", { key: "people", "aria-label": t("people") },
    h("header.pane-head", h("h1", t("people")), iconLink("addPerson", t("addFriend"), add)),
    h("ul.rows",
      row("requests",
        sign("addPerson"),
        h("span.row-name", t("requests")),
        badge(waitingRequests().length),
      ),
    ),
    h("header.section-head",
      h("h2", t("friendGroups")),
      iconButton("plus", t("newFriendGroup"), () => openGroupName()),
    ),
    state.groups.length === 0 && h("p.quiet.inset", t("noFriendGroups")),
    h("ul.rows",
      state.groups.map((each) => row(`g/${each.id}`, sign("folder"), h("bdi.row-name", each.name))),
    ),
    h("header.section-head", h("h2", t("friends"))),
    state.friends.length === 0 &&
      emptyNote("people", t("noFriends"), linkButton(t("addFriend"), add, { class: "primary" })),
    h("ul.rows",
      state.friends.map((each) => {
        const below = preview(each.deleted ? t("accountDeleted") : each.email);
        return row(`u/${each.id}`, avatar(each), rowText(each.name, below));
      }),
    ),
  );
}

/** @param {string | undefined} place @param {string | undefined} id */
export function peoplePane(place, id) {
  const shown = `${place}/${id}`;
  const isNew = ui.shown !== shown;
  ui.shown = shown;
  if (isNew && place === "u") loadPerson(Number(id));
  if (isNew && place === "g") loadGroup(Number(id));
  const card = () => personCard(Number(id), () => {});
  const content = { add: addFriend, requests: requestList, u: card, g: friendGroup }[place ?? ""];
  const key = `people-${shown}`;
  if (!content) return mainPane(key, "empty", emptyNote("people", t("choosePerson")));
  return mainPane(key, "page", iconLink("back", t("back"), "#/people", "back"), content());
}

// --- Finding users ---

const addFriend = () =>
  h("div.page-column",
    h("h2", t("addFriend")),
    h("p.quiet", t("addFriendHint")),
    form({
      key: "find-person",
      kind: "inline",
      fields: field(t("name"), "query", {
        type: "search",
        autofocus: true,
        maxlength: "255",
        required: true,
        problem: t("typeName"),
      }),
      submit: t("search"),
      onSubmit: async ({ query }) => {
        ui.found = (await api.get("/search_user", { query_name: query })).results;
      },
    }),
    ui.found?.length === 0 && h("p.quiet", { role: "status" }, t("nobodyFound")),
    h("ul.plain-list", ui.found?.map(foundPerson)),
  );

function foundPerson(/** @type {any} */ { user_id: id, name, avatar: picture, email, deleted }) {
  const isFriend = state.friends.some((each) => each.id === id);
  const action = () => {
    if (id === session.userId()) return h("span.quiet", t("you"));
    if (deleted) return h("span.quiet", t("accountDeleted"));
    if (isFriend) return linkButton(t("profile"), `#/people/u/${id}`);
    return button(t("add"), () => openRequest({ id, name }), undefined, "primary");
  };
  const item = rowText(name, preview(email));
  return h("li.person-row", { key: id }, avatar({ id, name, avatar: picture }), item, action());
}

// --- Requests ---

function requestList() {
  const waiting = waitingRequests();
  const handled = state.requests.filter((each) => !waiting.includes(each));
  return h("div.page-column",
    h("h2", t("requests")),
    state.requests.length === 0 && h("p.quiet", t("noRequests")),
    h("ul.plain-list", [...waiting, ...handled].map(request)),
  );
}

function request(/** @type {any} */ each) {
  const { sender_user_id, receiver_user_id, user_name: name, created_at } = each;
  const answer = (/** @type {typeof api.post} */ method) => () =>
    attempt(async () => {
      await method("/friend_request_handle", { sender_user_id, receiver_user_id });
      await lists.refreshFriendships();
    });
  return h("li.person-row", { key: `${sender_user_id}-${created_at}` },
    avatar({ id: sender_user_id, name, avatar: each.avatar }),
    rowText(name,
      [preview(each.user_email), each.message && h("bdi.wrap", each.message)],
      h("time.row-time", moment(created_at)),
    ),
    each.status === 0
      ? h("span.row-actions",
          button(t("accept"), answer(api.post), undefined, "primary"),
          button(t("decline"), answer(api.del)),
        )
      : h("span.quiet", t(each.status === 2 ? "declined" : "accepted")),
  );
}

// --- Groups of friends ---

/** @param {{id: number, name: string}} [group] the one to rename, or none for a new one */
const openGroupName = (group) =>
  openForm(group ? t("rename") : t("newFriendGroup"), t("save"),
    () => nameField(t("friendGroupName"), group?.name),
    async ({ name }) => {
      if (group) await api.put("/groups/manage_groups", { group_id: group.id, new_name: name });
      else await api.post("/groups", { name });
      await lists.refreshGroups();
      if (group) await loadGroup(group.id);
    },
  );

async function loadGroup(/** @type {number} */ id) {
  ui.group = null;
  await attempt(async () => {
    ui.group = (await api.get("/groups/manage_groups", { group_id: id })).group;
  });
  change();
}

async function reloadMembers(/** @type {number} */ id) {
  const { members } = await api.get("/groups/members", { group_id: id });
  if (ui.group?.id === id) ui.group = { ...ui.group, members };
  change();
}

function friendGroup() {
  const { group } = ui;
  if (!group) return h("div.page-column");
  const { id, name, members } = group;
  const outside = state.friends.filter((each) => !members.some((member) => member.id === each.id));
  return h("div.page-column",
    h("header.section-head",
      h("h2.wrap", h("bdi", name)),
      iconButton("edit", t("rename"), () => openGroupName(group)),
      iconButton("trash", t("deleteFriendGroup"), () => removeGroup(group)),
    ),
    members.length === 0 && h("p.quiet", t("friendGroupEmpty")),
    h("ul.plain-list", members.map((each) => groupMember(id, each))),
    outside.length > 0 && button(t("addMembers"), () => openAddMembers(id, outside), "plus"),
  );
}

/** @param {number} groupId @param {Friend} member */
function groupMember(groupId, member) {
  const { id, name } = member;
  const remove = () =>
    attempt(async () => {
      await api.del("/groups/members", { group_id: groupId, member_id: id });
      await reloadMembers(groupId);
    });
  return h("li.person-row", { key: id },
    avatar(member),
    h("a.row-text", { href: `#/people/u/${id}` }, h("bdi.row-name", name)),
    iconButton("close", t("removeFromGroup", { name }), remove),
  );
}

/** @param {number} groupId @param {Friend[]} outside */
const openAddMembers = (groupId, outside) =>
  openForm(t("addMembers"), t("add"),
    () => peopleField(t("friends"), outside),
    async (_, element) => {
      for (const member_id of chosenPeople(element)) {
        await api.post("/groups/members", { group_id: groupId, member_id });
      }
      await reloadMembers(groupId);
    },
  );

/** @param {{id: number, name: string}} group */
const removeGroup = ({ id, name }) =>
  confirm(t("deleteFriendGroup"), t("deleteFriendGroupText", { name }), t("delete"), async () => {
    await api.del("/groups/manage_groups", { group_id: id });
    await lists.refreshGroups();
    go("people");
  });
