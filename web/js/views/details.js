/** The pane beside a conversation: settings, people, announcements, invitations, leaving. */

import { attempt, changeSettings, loadGroup, refreshConversations } from "../actions.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { full } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { confirm, openDialog } from "../ui/dialog.js";
import { field, form, FormError, resetForm, toggle } from "../ui/form.js";
import { icon, iconButton } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";
import { pictureField } from "../ui/picture.js";
import { choice } from "./chats.js";
import { loadPerson, openPerson, personCard } from "./person.js";

/** @typedef {import("../model/conversations.js").Conversation} Conversation */
/** @typedef {import("../store.js").Member} Member */

const OWNER = 1;
const ADMIN = 2;
const PLAIN = 3;
const ROLES = /** @type {const} */ ({ [OWNER]: "owner", [ADMIN]: "admin" });

const ui = {
  shownId: 0,
  /** @type {{ontop: boolean, notification: boolean} | null} As the server has them. */
  settings: null,
};

/** @param {Conversation} chosen */
export function detailsPane(chosen) {
  if (ui.shownId !== chosen.id) {
    ui.shownId = chosen.id;
    ui.settings = null;
    loadSettings(chosen.id);
    if (chosen.is_chat_group) loadGroup(chosen.id);
    else loadPerson(chosen.friend_id ?? 0);
  }
  return h(
    "aside",
    { class: "details-pane", key: "details", "aria-label": t("details") },
    h("header", { class: "pane-head" }, h("h2", null, t("details")), h("a", { class: "icon-button", href: `#/c/${chosen.id}`, "aria-label": t("close") }, icon("close"))),
    h(
      "div",
      { class: "details-body" },
      chosen.is_chat_group ? groupHead(chosen) : personCard(chosen.friend_id ?? 0, () => go(`c/${chosen.id}`)),
      settings(chosen),
      chosen.is_chat_group && [announcements(chosen), invitations(chosen), members(chosen), leaving(chosen)],
    ),
  );
}

/** @param {number} id */
async function loadSettings(id) {
  await attempt(async () => {
    const answer = await api.get("/interface", { conversation_id: id });
    if (ui.shownId === id) ui.settings = answer;
  });
  change();
}

/** @param {Conversation} chosen */
function settings(chosen) {
  const isPinned = ui.settings?.ontop ?? chosen.is_top;
  const isOn = ui.settings?.notification ?? chosen.notice_able;
  const set = (/** @type {Record<string, boolean>} */ what) => async () => {
    await attempt(() => changeSettings(chosen.id, what));
    await loadSettings(chosen.id);
  };
  return h(
    "section",
    { class: "card", "aria-label": t("settings") },
    toggle(t("pin"), isPinned, set({ ontop: !isPinned })),
    toggle(t("mute"), !isOn, set({ notification: !isOn })),
  );
}

// --- Group ---

/** @param {number} id */
const ownRole = (id) => state.members[id]?.identity ?? PLAIN;

/** @param {Conversation} chosen */
function groupHead(chosen) {
  const n = state.members[chosen.id]?.members.length ?? 0;
  return h(
    "div",
    { class: "card-person" },
    avatar(chosen, "huge"),
    h("h2", { class: "wrap" }, h("bdi", null, chosen.name)),
    h("p", { class: "quiet" }, t("memberCount", { n })),
    ownRole(chosen.id) < PLAIN && h("button", { type: "button", class: "button", onClick: () => openGroupInfo(chosen) }, icon("edit"), t("editGroup")),
  );
}

/** @param {Conversation} chosen */
function openGroupInfo(chosen) {
  resetForm("group-info");
  const picture = pictureField(chosen.avatar, chosen);
  openDialog(t("editGroup"), (close) =>
    form({
      key: "group-info",
      fields: [picture.view(), field(t("groupName"), "name", { maxlength: "100", defaultValue: chosen.name })],
      submit: t("save"),
      onSubmit: async ({ name }) => {
        if (name.trim() === "") throw new FormError(t("errorGroupName"));
        const fields = { conversation_id: chosen.id, name, ...(picture.value !== chosen.avatar && { avatar: picture.value }) };
        await api.post("/conversations/manage/info", fields);
        await refreshConversations();
        close();
      },
    }),
  );
}

/** @param {Conversation} chosen */
function announcements(chosen) {
  const list = state.announcements[chosen.id] ?? [];
  const mayPost = ownRole(chosen.id) < PLAIN;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "section-head" }, h("h3", null, t("announcements")), mayPost && iconButton("plus", t("newAnnouncement"), () => openAnnouncement(chosen.id))),
    list.length === 0 && h("p", { class: "quiet" }, mayPost ? t("noAnnouncementsYet") : t("noAnnouncements")),
    h(
      "ul",
      { class: "plain-list" },
      list.map((each) =>
        h(
          "li",
          { class: "announcement", key: each.notification_id },
          h("p", { class: "wrap", dir: "auto" }, each.content),
          h("p", { class: "quiet small" }, h("bdi", null, each.sender_name), " · ", full(each.timestamp)),
          mayPost && iconButton("trash", t("deleteAnnouncement"), () => deleteAnnouncement(chosen.id, each)),
        ),
      ),
    ),
  );
}

/** @param {number} id */
function openAnnouncement(id) {
  resetForm("announcement");
  openDialog(t("newAnnouncement"), (close) =>
    form({
      key: "announcement",
      fields: field(t("announcement"), "content", { rows: 5, maxlength: "2000" }),
      submit: t("publish"),
      onSubmit: async ({ content }) => {
        await api.post("/conversations/manage/notifications", { conversation_id: id, content });
        await loadGroup(id);
        close();
      },
    }),
  );
}

/**
 * @param {number} id
 * @param {{notification_id: number, content: string}} each
 */
async function deleteAnnouncement(id, each) {
  if (!(await confirm(t("deleteAnnouncement"), each.content, t("delete")))) return;
  await attempt(async () => {
    await api.del("/conversations/manage/notifications", { notification_id: each.notification_id });
    await loadGroup(id);
  });
}

/** @param {Conversation} chosen */
function invitations(chosen) {
  const list = state.invitations[chosen.id] ?? [];
  const mayHandle = ownRole(chosen.id) < PLAIN;
  const waiting = list.filter((each) => each.status === 0);
  if (list.length === 0) return null;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "section-head" }, h("h3", null, t("invitations")), waiting.length > 0 && h("span", { class: "badge" }, waiting.length)),
    h("ul", { class: "plain-list" }, list.map((each) => invitation(chosen.id, each, mayHandle))),
  );
}

/**
 * @param {number} id
 * @param {any} each
 * @param {boolean} mayHandle
 */
function invitation(id, each, mayHandle) {
  const fields = { conversation_id: id, invite_id: each.invite_id };
  const handle = (/** @type {(path: string, fields: object) => Promise<any>} */ method, /** @type {number} */ status) => () =>
    attempt(async () => {
      await method("/conversations/manage/handle_invitation", { ...fields, status });
      await loadGroup(id);
    });
  const status = t(/** @type {const} */ (["waiting", "declined", "accepted", "accepted"])[each.status]);
  return h(
    "li",
    { class: "person-row", key: each.invite_id },
    avatar({ id: each.receiver_id, name: each.receiver_name, avatar: each.receiver_avatar }, "small"),
    h("span", { class: "row-text" }, h("bdi", { class: "row-name" }, each.receiver_name), h("span", { class: "row-preview" }, t("invitedBy", { name: each.sender_name }))),
    each.status === 0 && mayHandle
      ? h(
          "span",
          { class: "row-actions" },
          iconButton("check", t("acceptName", { name: each.receiver_name }), handle(api.post, 0)),
          iconButton("close", t("declineName", { name: each.receiver_name }), handle(api.del, 1)),
        )
      : h("span", { class: "quiet small" }, status),
  );
}

/** @param {Conversation} chosen */
function members(chosen) {
  const list = state.members[chosen.id]?.members ?? [];
  return h(
    "section",
    { class: "card" },
    h("header", { class: "section-head" }, h("h3", null, t("members")), iconButton("addPerson", t("invite"), () => openInvite(chosen.id))),
    h("ul", { class: "plain-list" }, list.map((each) => member(chosen.id, each))),
  );
}

/**
 * @param {number} id
 * @param {Member} each
 */
function member(id, each) {
  const role = ROLES[/** @type {1 | 2} */ (each.identity)];
  const isOwn = each.id === session.userId();
  return h(
    "li",
    { class: "person-row", key: each.id },
    h(
      "button",
      { type: "button", class: "person-row", onClick: () => openPerson(each.id) },
      avatar(each, "small"),
      h("bdi", { class: "clip" }, each.name),
      isOwn && h("span", { class: "quiet small" }, t("you")),
    ),
    role && h("span", { class: `role ${role}` }, t(role)),
    !isOwn && iconButton("more", t("actionsFor", { name: each.name }), (event) => openMenu(/** @type {Element} */ (event.currentTarget), memberActions(id, each))),
  );
}

/**
 * @param {number} id
 * @param {Member} each
 */
function memberActions(id, each) {
  const own = ownRole(id);
  const theirs = each.identity ?? PLAIN;
  const fields = { conversation_id: id, user: each.id };
  const run = (/** @type {() => Promise<any>} */ action) => () => attempt(() => action().then(() => loadGroup(id)));
  return /** @type {(import("../ui/menu.js").MenuItem | false)[]} */ ([
    { label: t("profile"), icon: "info", run: () => openPerson(each.id) },
    own === OWNER && theirs === PLAIN && { label: t("makeAdmin"), icon: "shield", run: run(() => api.post("/conversations/manage/admin", fields)) },
    own === OWNER && theirs === ADMIN && { label: t("dismissAdmin"), icon: "shield", run: run(() => api.del("/conversations/manage/admin", fields)) },
    own === OWNER && { label: t("transfer"), icon: "people", run: () => transfer(id, each) },
    own < theirs && { label: t("removeMember"), icon: "trash", isDanger: true, run: () => removeMember(id, each) },
  ]);
}

/**
 * @param {number} id
 * @param {Member} each
 */
async function transfer(id, each) {
  if (!(await confirm(t("transfer"), t("transferText", { name: each.name }), t("transfer")))) return;
  await attempt(async () => {
    await api.post("/conversations/manage/ownership_transfer", { conversation_id: id, user: each.id });
    await loadGroup(id);
  });
}

/**
 * @param {number} id
 * @param {Member} each
 */
async function removeMember(id, each) {
  if (!(await confirm(t("removeMember"), t("removeMemberText", { name: each.name }), t("remove")))) return;
  await attempt(async () => {
    await api.del("/conversations/member/remove", { conversation_id: id, user: each.id });
    await loadGroup(id);
  });
}

/** @param {number} id */
function openInvite(id) {
  const inside = new Set(state.members[id]?.members.map((each) => each.id));
  const outside = state.friends.filter((each) => !each.deleted && !inside.has(each.id));
  resetForm("invite");
  openDialog(t("invite"), (close) =>
    outside.length === 0
      ? h("p", { class: "quiet" }, t("everybodyIsIn"))
      : form({
          key: "invite",
          fields: [h("p", { class: "quiet" }, t("inviteHint")), h("fieldset", { class: "choices" }, h("legend", null, t("friends")), outside.map(choice))],
          submit: t("invite"),
          onSubmit: async (_, element) => {
            const ids = new FormData(element).getAll("member").map(Number);
            if (ids.length === 0) throw new FormError(t("chooseSomebody"));
            await api.post("/conversations/member/add", { conversationId: id, member_id: ids });
            await loadGroup(id);
            close();
          },
        }),
  );
}

/** @param {Conversation} chosen */
function leaving(chosen) {
  const isOwner = ownRole(chosen.id) === OWNER;
  const leave = async () => {
    const [title, text] = isOwner ? [t("dissolve"), t("dissolveText")] : [t("leave"), t("leaveText")];
    if (!(await confirm(title, text, title))) return;
    await attempt(async () => {
      await api.post("/conversations/member/remove", { conversation_id: chosen.id });
      go("c");
      await refreshConversations();
    });
  };
  return h("button", { type: "button", class: "button danger-text wide", onClick: leave }, icon("logout"), isOwner ? t("dissolve") : t("leave"));
}
