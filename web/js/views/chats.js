/** The list of conversations, and how a new group begins. */

import { attempt, changeSettings, refreshConversations } from "../actions.js";
import * as api from "../api.js";
import { h, memoized } from "../dom.js";
import { moment } from "../format.js";
import { language, t } from "../i18n.js";
import { go } from "../router.js";
import { change, state } from "../store.js";
import { avatar, brokenCount } from "../ui/avatar.js";
import { openDialog } from "../ui/dialog.js";
import { field, form, FormError, resetForm } from "../ui/form.js";
import { icon, iconButton } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";

/** @typedef {import("../model/conversations.js").Conversation} Conversation */

const ui = { filter: "" };

/** @param {number} openId */
export function chatList(openId) {
  const wanted = ui.filter.trim().toLowerCase();
  const shown = state.conversations.filter((each) => each.name.toLowerCase().includes(wanted));
  return h(
    "section",
    { class: "list-pane", key: "chats", "aria-label": t("chats") },
    h("header", { class: "pane-head" }, h("h1", null, t("chats")), iconButton("plus", t("newGroup"), openNewGroup)),
    state.conversations.length > 0 &&
      h(
        "div",
        { class: "filter", key: "filter" },
        icon("search"),
        h("input", {
          type: "search",
          "aria-label": t("filterChats"),
          placeholder: t("filterChats"),
          value: ui.filter,
          onInput: (/** @type {any} */ event) => {
            ui.filter = event.target.value;
            change();
          },
        }),
      ),
    h("ul", { class: "rows", key: "rows" }, shown.map((each) => row(each, each.id === openId, language, brokenCount()))),
    state.conversations.length === 0 && nothing(),
    state.conversations.length > 0 && shown.length === 0 && h("p", { class: "quiet centered" }, t("nothingFound")),
  );
}

const nothing = () =>
  h(
    "div",
    { class: "empty-note", key: "none" },
    icon("people", "big"),
    h("p", null, t("noConversations")),
    h("a", { class: "button primary", href: "#/people/add" }, t("addFriend")),
  );

const row = memoized(describeRow);

/**
 * @param {Conversation} each
 * @param {boolean} isOpen
 */
function describeRow(each, isOpen) {
  const menu = (/** @type {any} */ event, /** @type {{x: number, y: number} | undefined} */ point) =>
    openMenu(event.currentTarget, actionsOf(each), point);
  return h(
    "li",
    { key: each.id, class: each.is_top ? "row pinned" : "row" },
    h(
      "a",
      {
        class: "row-link",
        href: `#/c/${each.id}`,
        "aria-current": isOpen ? "true" : null,
        onContextmenu: (/** @type {any} */ event) => {
          event.preventDefault();
          menu(event, { x: event.clientX, y: event.clientY });
        },
      },
      avatar({ ...each, id: each.friend_id ?? each.id }),
      h(
        "span",
        { class: "row-text" },
        h(
          "span",
          { class: "row-line" },
          h("bdi", { class: "row-name" }, each.name),
          h("time", { class: "row-time", datetime: each.last_message_time }, moment(each.last_message_time)),
        ),
        h(
          "span",
          { class: "row-line" },
          h("bdi", { class: "row-preview" }, preview(each)),
          !each.notice_able && icon("mute", "tiny"),
          each.is_top && icon("pin", "tiny"),
          each.unread_count > 0 &&
            h(
              "span",
              { class: each.notice_able ? "badge" : "badge muted" },
              each.unread_count > 99 ? "99+" : each.unread_count,
              h("span", { class: "visually-hidden" }, t("unreadHint")),
            ),
        ),
      ),
    ),
    iconButton("more", t("actionsFor", { name: each.name }), (event) => menu(event, undefined), { class: "icon-button row-menu" }),
  );
}

/** @param {Conversation} each */
function preview(each) {
  if (each.last_message_type === 1) return t("imagePreview");
  return each.last_message || t("noMessagesYet");
}

/** @param {Conversation} each */
function actionsOf(each) {
  const set = (/** @type {Record<string, any>} */ settings) => () => attempt(() => changeSettings(each.id, settings));
  return /** @type {import("../ui/menu.js").MenuItem[]} */ ([
    { label: each.is_top ? t("unpin") : t("pin"), icon: "pin", run: set({ ontop: !each.is_top }) },
    { label: each.notice_able ? t("mute") : t("unmute"), icon: "mute", run: set({ notification: !each.notice_able }) },
    each.unread_count > 0
      ? { label: t("markRead"), icon: "check", run: set({ unreads: 0 }) }
      : { label: t("markUnread"), icon: "chat", run: set({ unreads: 1 }) },
    { label: t("details"), icon: "info", run: () => go(`c/${each.id}/info`) },
  ]);
}

function openNewGroup() {
  const friends = state.friends.filter((each) => !each.deleted);
  resetForm("new-group");
  openDialog(t("newGroup"), (close) => {
    if (friends.length === 0) {
      return h("div", { class: "empty-note" }, h("p", null, t("groupNeedsFriends")), h("a", { class: "button primary", href: "#/people/add", onClick: close }, t("addFriend")));
    }
    return form({
      key: "new-group",
      fields: [
        field(t("groupName"), "name", { maxlength: "100", required: true }),
        h("fieldset", { class: "choices" }, h("legend", null, t("members")), friends.map(choice)),
      ],
      submit: t("create"),
      onSubmit: async ({ name }, element) => {
        const members = new FormData(element).getAll("member").map(Number);
        if (name.trim() === "") throw new FormError(t("errorGroupName"));
        if (members.length === 0) throw new FormError(t("chooseSomebody"));
        const { conversation_id } = await api.post("/conversations", { name, members });
        await refreshConversations();
        close();
        go(`c/${conversation_id}`);
      },
    });
  });
}

/** A person to be chosen in a form. @param {{id: number, name: string, avatar: string}} person */
export const choice = (person) =>
  h(
    "label",
    { class: "choice", key: person.id },
    h("input", { type: "checkbox", name: "member", value: String(person.id) }),
    avatar(person, "small"),
    h("bdi", { class: "clip" }, person.name),
  );
