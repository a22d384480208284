/** The pane beside a conversation: settings, members, announcements, invitations, leaving. */

import { loadGroup, refreshConversations } from "../actions/lists.js";
import { changeSettings } from "../actions/messages.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { full } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import {
  attempt, avatar, badge, button, chosenPeople, confirm, detailsCard, field, iconButton, menuButton,
  nameField, openDialog, openForm, peopleField, pictureField, portrait, preview, rowText, sidePane,
  toggle,
} from "../ui/index.js";
import { loadPerson, openPerson, personCard } from "./person.js";

const OWNER = 1;
const ADMIN = 2;
const PLAIN = 3;
const WAITING = 0;
const STATUSES = /** @type {const} */ (["waiting", "declined", "accepted", "accepted"]);

const ui = {
  shownId: 0,
  /** @type {{ontop: boolean, notification: boolean} | null} As the server has them. */
  settings: null,
};

export function detailsPane(/** @type {Conversation} */ chosen) {
  const { id, is_chat_group: isGroup, friend_id = 0 } = chosen;
  if (ui.shownId !== id) {
    Object.assign(ui, { shownId: id, settings: null });
    loadSettings(id);
    if (isGroup) loadGroup(id);
    else loadPerson(friend_id);
  }
  return sidePane(t("details"), id,
    isGroup ? groupHead(chosen) : personCard(friend_id, () => go(`c/${id}`)),
    settings(chosen),
    isGroup && [announcements(id), invitations(id), members(id), leaving(id)],
  );
}

const loadSettings = (/** @type {number} */ id) =>
  attempt(async () => {
    const answer = await api.get("/interface", { conversation_id: id });
    if (ui.shownId === id) ui.settings = answer;
    change();
  });

function settings(/** @type {Conversation} */ { id, is_top, notice_able }) {
  const isPinned = ui.settings?.ontop ?? is_top;
  const isHeard = ui.settings?.notification ?? notice_able;
  const set = (/** @type {Record<string, boolean>} */ what) => async () => {
    await attempt(() => changeSettings(id, what));
    await loadSettings(id);
  };
  return h("section.card", { "aria-label": t("settings") },
    toggle(t("pin"), isPinned, set({ ontop: !isPinned })),
    toggle(t("mute"), !isHeard, set({ notification: !isHeard })),
  );
}

// --- Group ---

const ownRole = (/** @type {number} */ id) => state.members[id]?.identity ?? PLAIN;
const isModerator = (/** @type {number} */ id) => ownRole(id) < PLAIN;

function groupHead(/** @type {Conversation} */ chosen) {
  const n = state.members[chosen.id]?.members.length ?? 0;
  return h("div.card-person",
    portrait(chosen, t("memberCount", { n })),
    isModerator(chosen.id) && button(t("editGroup"), () => openGroupInfo(chosen), "edit"),
  );
}

function openGroupInfo(/** @type {Conversation} */ chosen) {
  const picture = pictureField(chosen);
  openForm(t("editGroup"), t("save"),
    () => [picture.view(), nameField(t("groupName"), chosen.name)],
    async ({ name }) => {
      const avatar = picture.value === chosen.avatar ? {} : { avatar: picture.value };
      await api.post("/conversations/manage/info", { conversation_id: chosen.id, name, ...avatar });
      await refreshConversations();
    },
  );
}

function announcements(/** @type {number} */ id) {
  const list = state.announcements[id] ?? [];
  const mayPost = isModerator(id);
  return detailsCard(t("announcements"),
    mayPost && iconButton("plus", t("newAnnouncement"), () => openAnnouncement(id)),
    list.length === 0 && h("p.quiet", mayPost ? t("noAnnouncementsYet") : t("noAnnouncements")),
    h("ul.plain-list",
      list.map((each) =>
        h("li.announcement", { key: each.notification_id },
          h("p.wrap", { dir: "auto" }, each.content),
          h("p.quiet.small", h("bdi", each.sender_name), " · ", full(each.timestamp)),
          mayPost &&
            iconButton("trash", t("deleteAnnouncement"), () => deleteAnnouncement(id, each)),
        ),
      ),
    ),
  );
}

const ANNOUNCEMENTS = "/conversations/manage/notifications";

const openAnnouncement = (/** @type {number} */ id) =>
  openForm(t("newAnnouncement"), t("publish"),
    () => field(t("announcement"), "content", { rows: 5, maxlength: "2000" }),
    async ({ content }) => {
      await api.post(ANNOUNCEMENTS, { conversation_id: id, content });
      await loadGroup(id);
    },
  );

/** @param {number} id @param {{notification_id: number, content: string}} announcement */
const deleteAnnouncement = (id, { notification_id, content }) =>
  confirm(t("deleteAnnouncement"), content, t("delete"), async () => {
    await api.del(ANNOUNCEMENTS, { notification_id });
    await loadGroup(id);
  });

function invitations(/** @type {number} */ id) {
  const list = state.invitations[id] ?? [];
  if (list.length === 0) return null;
  const waiting = list.filter((each) => each.status === WAITING).length;
  const items = list.map((each) => invitation(id, each));
  return detailsCard(t("invitations"), badge(waiting), h("ul.plain-list", items));
}

/** @param {number} id @param {any} each */
function invitation(id, each) {
  const person = { id: each.receiver_id, name: each.receiver_name, avatar: each.receiver_avatar };
  const { name } = person;
  const answer = (/** @type {typeof api.post} */ method, /** @type {number} */ status) => () =>
    attempt(async () => {
      const fields = { conversation_id: id, invite_id: each.invite_id, status };
      await method("/conversations/manage/handle_invitation", fields);
      await loadGroup(id);
    });
  const status = STATUSES[each.status];
  return h("li.person-row", { key: each.invite_id },
    avatar(person, "small"),
    rowText(name, preview(t("invitedBy", { name: each.sender_name }))),
    each.status === WAITING && isModerator(id)
      ? h("span.row-actions",
          iconButton("check", t("acceptName", { name }), answer(api.post, 0)),
          iconButton("close", t("declineName", { name }), answer(api.del, 1)),
        )
      : h("span.quiet.small", t(status)),
  );
}

const members = (/** @type {number} */ id) =>
  detailsCard(t("members"), iconButton("addPerson", t("invite"), () => openInvite(id)),
    h("ul.plain-list", state.members[id]?.members.map((each) => member(id, each))),
  );

/** @param {number} id @param {Member} each */
function member(id, each) {
  const { name, identity } = each;
  const isOwn = each.id === session.userId();
  return h("li.person-row", { key: each.id },
    h("button.person-row", { onClick: () => openPerson(each.id) },
      avatar(each, "small"),
      h("bdi.clip", name),
      isOwn && h("span.quiet.small", t("you")),
    ),
    identity === OWNER && h("span.role.owner", t("owner")),
    identity === ADMIN && h("span.role.admin", t("admin")),
    !isOwn && menuButton(t("actionsFor", { name }), () => memberActions(id, each)),
  );
}

/** @param {number} id @param {Member} each @returns {(MenuItem | false)[]} */
function memberActions(id, { id: user, name, identity: theirs = PLAIN }) {
  const own = ownRole(id);
  const call = (/** @type {typeof api.post} */ method, /** @type {string} */ path) => async () => {
    await method(`/conversations/${path}`, { conversation_id: id, user });
    await loadGroup(id);
  };
  const [label, method] =
    theirs === PLAIN ? [t("makeAdmin"), api.post] : [t("dismissAdmin"), api.del];
  const setRole = () => attempt(call(method, "manage/admin"));
  const transfer = () =>
    confirm(t("transfer"), t("transferText", { name }), t("transfer"),
      call(api.post, "manage/ownership_transfer"));
  const remove = () =>
    confirm(t("removeMember"), t("removeMemberText", { name }), t("remove"),
      call(api.del, "member/remove"));
  return [
    { label: t("profile"), icon: "info", run: () => openPerson(user) },
    own === OWNER && { label, icon: "shield", run: setRole },
    own === OWNER && { label: t("transfer"), icon: "people", run: transfer },
    own < theirs && { label: t("removeMember"), icon: "trash", isDanger: true, run: remove },
  ];
}

function openInvite(/** @type {number} */ id) {
  const inside = new Set(state.members[id]?.members.map((each) => each.id));
  const outside = state.friends.filter((each) => !each.deleted && !inside.has(each.id));
  const title = t("invite");
  if (outside.length === 0) return openDialog(title, () => h("p.quiet", t("everybodyIsIn")));
  return openForm(title, title,
    () => [h("p.quiet", t("inviteHint")), peopleField(t("friends"), outside)],
    async (_, form) => {
      const fields = { conversationId: id, member_id: chosenPeople(form) };
      await api.post("/conversations/member/add", fields);
      await loadGroup(id);
    },
  );
}

function leaving(/** @type {number} */ id) {
  const isOwner = ownRole(id) === OWNER;
  const title = isOwner ? t("dissolve") : t("leave");
  const leave = async () => {
    await api.post("/conversations/member/remove", { conversation_id: id });
    go("c");
    await refreshConversations();
  };
  const ask = () => confirm(title, isOwner ? t("dissolveText") : t("leaveText"), title, leave);
  return button(title, ask, "logout", "danger-text wide");
}
