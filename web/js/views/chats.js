/** The list of conversations, and the creation of a group. */

import { refreshConversations } from "../actions/lists.js";
import { changeSettings, openConversation } from "../actions/messages.js";
import * as api from "../api.js";
import { h, memoized } from "../dom.js";
import { contentOf, moment } from "../format.js";
import { language, t } from "../i18n.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import {
  attempt, avatar, badge, brokenCount, chosenPeople, emptyNote, icon, iconButton, link, linkButton,
  menuButton, menuOnPress, nameField, openDialog, openForm, peopleField, preview, rowText,
} from "../ui/index.js";

let filter = "";

export function chatList(/** @type {number} */ openId) {
  const wanted = filter.trim().toLowerCase();
  const shown = state.conversations.filter((each) => each.name.toLowerCase().includes(wanted));
  const isEmpty = state.conversations.length === 0;
  return h("section.list-pane", { key: "chats", "aria-label": t("chats") },
    h("header.pane-head", h("h1", t("chats")), iconButton("plus", t("newGroup"), openNewGroup)),
    !isEmpty && filterField(),
    h("ul.rows", { key: "rows" },
      shown.map((each) => row(each, each.id === openId, language, brokenCount())),
    ),
    isEmpty &&
      emptyNote("people", t("noConversations"), addFriend(),
        link(t("anotherAccount"), session.useOwnWindow)),
    !isEmpty && shown.length === 0 && h("p.quiet.centered", t("nothingFound")),
  );
}

/** @param {() => void} [onClick] */
const addFriend = (onClick) =>
  linkButton(t("addFriend"), "#/people/add", { class: "primary", onClick });

function filterField() {
  const onInput = (/** @type {any} */ event) => {
    filter = event.target.value;
    change();
  };
  const label = t("filterChats");
  const props = { type: "search", "aria-label": label, placeholder: label, value: filter, onInput };
  return h("div.filter", { key: "filter" }, icon("search"), h("input", props));
}

const row = memoized((/** @type {Conversation} */ each, /** @type {boolean} */ isOpen) => {
  const { name, is_top: isPinned, notice_able: isHeard, last_message_time: time } = each;
  const last = contentOf({ type: each.last_message_type, content: each.last_message });
  const actions = () => actionsOf(each);
  const props = {
    href: `#/c/${each.id}`,
    "aria-current": isOpen && "true",
    // The messages are on their way before the click is complete.
    onPointerdown: () => openConversation(each.id),
    onContextmenu: menuOnPress(actions),
  };
  return h("li.row", { key: each.id, class: isPinned && "pinned" },
    h("a.row-link", props,
      avatar({ ...each, id: each.friend_id ?? each.id }),
      rowText(name,
        h("span.row-line",
          preview(last || t("noMessagesYet")),
          !isHeard && icon("mute", "tiny"),
          isPinned && icon("pin", "tiny"),
          badge(each.unread_count, isHeard ? "" : "muted"),
        ),
        h("time.row-time", { datetime: time }, moment(time)),
      ),
    ),
    menuButton(t("actionsFor", { name }), actions, "row-menu"),
  );
});

/** @param {Conversation} each @returns {MenuItem[]} */
function actionsOf({ id, is_top, notice_able, unread_count }) {
  const set = (/** @type {Record<string, any>} */ settings) => () =>
    attempt(() => changeSettings(id, settings));
  const markUnread = () => {
    // A visible conversation would be marked as read again immediately.
    if (Number(state.route[1]) === id) go("c");
    set({ unreads: 1 })();
  };
  const mute = notice_able ? t("mute") : t("unmute");
  return [
    { label: is_top ? t("unpin") : t("pin"), icon: "pin", run: set({ ontop: !is_top }) },
    { label: mute, icon: "mute", run: set({ notification: !notice_able }) },
    unread_count > 0
      ? { label: t("markRead"), icon: "check", run: set({ unreads: 0 }) }
      : { label: t("markUnread"), icon: "chat", run: markUnread },
    { label: t("details"), icon: "info", run: () => go(`c/${id}/info`) },
  ];
}

function openNewGroup() {
  const friends = state.friends.filter((each) => !each.deleted);
  if (friends.length === 0) {
    return openDialog(t("newGroup"), (close) =>
      emptyNote("people", t("groupNeedsFriends"), addFriend(close)),
    );
  }
  return openForm(t("newGroup"), t("create"),
    () => [nameField(t("groupName")), peopleField(t("members"), friends)],
    async ({ name }, form) => {
      const created = await api.post("/conversations", { name, members: chosenPeople(form) });
      await refreshConversations();
      go(`c/${created.conversation_id}`);
    },
  );
}
