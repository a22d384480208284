/** Friends, requests, groups of friends, and how somebody is found. */

import { attempt, refreshConversations, refreshFriends, refreshGroups, refreshRequests } from "../actions.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { moment } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, state, waitingRequests } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { confirm, openDialog } from "../ui/dialog.js";
import { field, form, FormError, resetForm } from "../ui/form.js";
import { icon, iconButton } from "../ui/icons.js";
import { choice } from "./chats.js";
import { loadPerson, openRequest, personCard } from "./person.js";

/** @typedef {import("../store.js").Friend} Friend */

const ui = {
  /** @type {any[] | null} Who has the name that was searched for. */
  found: null,
  /** @type {string} What the main pane shows. */
  shown: "",
  /** @type {{id: number, name: string, members: Friend[]} | null} */
  group: null,
};

/** @param {string | undefined} place */
export function peopleList(place) {
  const [, , id] = state.route;
  const requests = waitingRequests().length;
  return h(
    "section",
    { class: "list-pane", key: "people", "aria-label": t("people") },
    h("header", { class: "pane-head" }, h("h1", null, t("people")), h("a", { class: "icon-button", href: "#/people/add", "aria-label": t("addFriend"), title: t("addFriend") }, icon("addPerson"))),
    h(
      "ul",
      { class: "rows" },
      h("li", { class: "row" }, h("a", { class: "row-link", href: "#/people/requests", "aria-current": place === "requests" ? "true" : null }, h("span", { class: "avatar plain-icon" }, icon("addPerson")), h("span", { class: "row-name" }, t("requests")), requests > 0 && h("span", { class: "badge" }, requests))),
    ),
    h("header", { class: "section-head" }, h("h2", null, t("friendGroups")), iconButton("plus", t("newFriendGroup"), () => openGroupName())),
    state.groups.length === 0 && h("p", { class: "quiet inset" }, t("noFriendGroups")),
    h(
      "ul",
      { class: "rows" },
      state.groups.map((each) =>
        h("li", { class: "row", key: each.id }, h("a", { class: "row-link", href: `#/people/g/${each.id}`, "aria-current": place === "g" && Number(id) === each.id ? "true" : null }, h("span", { class: "avatar plain-icon" }, icon("folder")), h("bdi", { class: "row-name" }, each.name))),
      ),
    ),
    h("header", { class: "section-head" }, h("h2", null, t("friends"))),
    state.friends.length === 0 &&
      h("div", { class: "empty-note" }, h("p", null, t("noFriends")), h("a", { class: "button primary", href: "#/people/add" }, t("addFriend"))),
    h(
      "ul",
      { class: "rows" },
      state.friends.map((each) =>
        h(
          "li",
          { class: "row", key: each.id },
          h(
            "a",
            { class: "row-link", href: `#/people/u/${each.id}`, "aria-current": place === "u" && Number(id) === each.id ? "true" : null },
            avatar(each),
            h("span", { class: "row-text" }, h("bdi", { class: "row-name" }, each.name), h("bdi", { class: "row-preview" }, each.deleted ? t("accountDeleted") : each.email)),
          ),
        ),
      ),
    ),
  );
}

/**
 * @param {string | undefined} place
 * @param {string | undefined} id
 */
export function peoplePane(place, id) {
  const shown = `${place}/${id}`;
  const isNew = ui.shown !== shown;
  ui.shown = shown;
  if (isNew && place === "u") loadPerson(Number(id));
  if (isNew && place === "g") loadGroup(Number(id));
  const content = { add: addFriend, requests: requestList, u: () => personCard(Number(id), () => {}), g: friendGroup }[place ?? ""];
  return h(
    "main",
    { id: "main", class: content ? "main-pane page" : "main-pane empty", key: `people-${shown}`, tabindex: "-1" },
    content ? [h("a", { class: "icon-button back", href: "#/people", "aria-label": t("back") }, icon("back")), content()] : h("div", { class: "empty-note" }, icon("people", "big"), h("p", null, t("choosePerson"))),
  );
}

// --- Finding somebody ---

function addFriend() {
  return h(
    "div",
    { class: "page-column" },
    h("h2", null, t("addFriend")),
    h("p", { class: "quiet" }, t("addFriendHint")),
    form({
      key: "find-person",
      kind: "inline",
      fields: field(t("name"), "query", { type: "search", autofocus: true, maxlength: "255" }),
      submit: t("search"),
      onSubmit: async ({ query }) => {
        if (query === "") throw new FormError(t("typeName"));
        ui.found = (await api.get("/search_user", { query_name: query })).results;
      },
    }),
    ui.found && (ui.found.length === 0 ? h("p", { class: "quiet", role: "status" }, t("nobodyFound")) : h("ul", { class: "plain-list" }, ui.found.map(foundPerson))),
  );
}

/** @param {any} each */
function foundPerson(each) {
  const person = { id: each.user_id, name: each.name, avatar: each.avatar };
  const isFriend = state.friends.some(({ id }) => id === person.id);
  let action;
  if (person.id === session.userId()) action = h("span", { class: "quiet" }, t("you"));
  else if (each.deleted) action = h("span", { class: "quiet" }, t("accountDeleted"));
  else if (isFriend) action = h("a", { class: "button", href: `#/people/u/${person.id}` }, t("profile"));
  else action = h("button", { type: "button", class: "button primary", onClick: () => openRequest(person) }, t("add"));
  return h("li", { class: "person-row", key: person.id }, avatar(person), h("span", { class: "row-text" }, h("bdi", { class: "row-name" }, person.name), h("bdi", { class: "row-preview" }, each.email)), action);
}

// --- Requests ---

function requestList() {
  const waiting = waitingRequests();
  const handled = state.requests.filter((each) => !waiting.includes(each));
  return h(
    "div",
    { class: "page-column" },
    h("h2", null, t("requests")),
    state.requests.length === 0 && h("p", { class: "quiet" }, t("noRequests")),
    h("ul", { class: "plain-list" }, [...waiting, ...handled].map(request)),
  );
}

/** @param {any} each */
function request(each) {
  const person = { id: each.sender_user_id, name: each.user_name, avatar: each.avatar };
  const who = { sender_user_id: each.sender_user_id, receiver_user_id: each.receiver_user_id };
  const handle = (/** @type {(path: string, fields: object) => Promise<any>} */ method) => () =>
    attempt(async () => {
      await method("/friend_request_handle", who);
      await Promise.all([refreshRequests(), refreshFriends(), refreshConversations()]);
    });
  return h(
    "li",
    { class: "person-row", key: `${each.sender_user_id}-${each.created_at}` },
    avatar(person),
    h(
      "span",
      { class: "row-text" },
      h("span", { class: "row-line" }, h("bdi", { class: "row-name" }, each.user_name), h("time", { class: "row-time" }, moment(each.created_at))),
      h("bdi", { class: "row-preview" }, each.user_email),
      each.message && h("bdi", { class: "wrap" }, each.message),
    ),
    each.status === 0
      ? h(
          "span",
          { class: "row-actions" },
          h("button", { type: "button", class: "button primary", onClick: handle(api.post) }, t("accept")),
          h("button", { type: "button", class: "button", onClick: handle(api.del) }, t("decline")),
        )
      : h("span", { class: "quiet" }, t(each.status === 2 ? "declined" : "accepted")),
  );
}

// --- Groups of friends ---

/** @param {{id: number, name: string}} [group] the one to rename, or none for a new one */
function openGroupName(group) {
  resetForm("group-name");
  openDialog(group ? t("rename") : t("newFriendGroup"), (close) =>
    form({
      key: "group-name",
      fields: field(t("friendGroupName"), "name", { maxlength: "100", defaultValue: group?.name ?? "" }),
      submit: t("save"),
      onSubmit: async ({ name }) => {
        if (name.trim() === "") throw new FormError(t("errorGroupName"));
        if (group) await api.put("/groups/manage_groups", { group_id: group.id, new_name: name });
        else await api.post("/groups", { name });
        await refreshGroups();
        if (group) await loadGroup(group.id);
        close();
      },
    }),
  );
}

/** @param {number} id */
async function loadGroup(id) {
  ui.group = null;
  await attempt(async () => {
    ui.group = (await api.get("/groups/manage_groups", { group_id: id })).group;
  });
  change();
}

/** @param {number} id */
async function reloadMembers(id) {
  const { members } = await api.get("/groups/members", { group_id: id });
  if (ui.group?.id === id) ui.group = { ...ui.group, members };
  change();
}

function friendGroup() {
  const { group } = ui;
  if (!group) return h("div", { class: "page-column" });
  const outside = state.friends.filter((each) => !group.members.some(({ id }) => id === each.id));
  return h(
    "div",
    { class: "page-column" },
    h(
      "header",
      { class: "section-head" },
      h("h2", { class: "wrap" }, h("bdi", null, group.name)),
      iconButton("edit", t("rename"), () => openGroupName(group)),
      iconButton("trash", t("deleteFriendGroup"), () => removeGroup(group)),
    ),
    group.members.length === 0 && h("p", { class: "quiet" }, t("friendGroupEmpty")),
    h(
      "ul",
      { class: "plain-list" },
      group.members.map((each) =>
        h(
          "li",
          { class: "person-row", key: each.id },
          avatar(each),
          h("a", { class: "row-text", href: `#/people/u/${each.id}` }, h("bdi", { class: "row-name" }, each.name)),
          iconButton("close", t("removeFromGroup", { name: each.name }), () =>
            attempt(async () => {
              await api.del("/groups/members", { group_id: group.id, member_id: each.id });
              await reloadMembers(group.id);
            }),
          ),
        ),
      ),
    ),
    outside.length > 0 && h("button", { type: "button", class: "button", onClick: () => openAddMembers(group.id, outside) }, icon("plus"), t("addMembers")),
  );
}

/**
 * @param {number} groupId
 * @param {Friend[]} outside
 */
function openAddMembers(groupId, outside) {
  resetForm("group-members");
  openDialog(t("addMembers"), (close) =>
    form({
      key: "group-members",
      fields: h("fieldset", { class: "choices" }, h("legend", null, t("friends")), outside.map(choice)),
      submit: t("add"),
      onSubmit: async (_, element) => {
        const ids = new FormData(element).getAll("member").map(Number);
        if (ids.length === 0) throw new FormError(t("chooseSomebody"));
        for (const member_id of ids) await api.post("/groups/members", { group_id: groupId, member_id });
        await reloadMembers(groupId);
        close();
      },
    }),
  );
}

/** @param {{id: number, name: string}} group */
async function removeGroup(group) {
  if (!(await confirm(t("deleteFriendGroup"), t("deleteFriendGroupText", { name: group.name }), t("delete")))) return;
  await attempt(async () => {
    await api.del("/groups/manage_groups", { group_id: group.id });
    await refreshGroups();
    go("people");
  });
}
