/** A conversation: its messages, of which only a part is drawn, and what is being written. */

import { isWatched, loadGroup, loadOlder, loadUntil, markRead, openConversation, send } from "../actions.js";
import { h } from "../dom.js";
import { day } from "../format.js";
import { t } from "../i18n.js";
import { visible } from "../model/outbox.js";
import { drawnRange, slide } from "../model/rooms.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, conversation, friend, state } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { icon, iconButton } from "../ui/icons.js";
import { toast } from "../ui/toast.js";
import { messageView, pendingView } from "./message.js";

/** @typedef {import("../model/conversations.js").Conversation} Conversation */
/** @typedef {import("../model/outbox.js").Pending} Pending */
/** @typedef {import("../model/rooms.js").Message} Message */

const DRAWN = 120;
const NEAR_PX = 400;
const AT_BOTTOM_PX = 48;
const SAME_TURN_MS = 5 * 60_000;
const MAX_TEXT = 255;

const ui = {
  openId: 0,
  /** @type {number | null} */
  startSeq: null,
  isAtBottom: true,
  scrollTop: 0,
  /** @type {{key: string, top: number} | null} What stays in place when the page is drawn again. */
  anchor: null,
  /** @type {number | null} The message to show in the middle. */
  target: null,
  /** @type {number} The message that was jumped to. */
  highlighted: 0,
  /** @type {number | null} Where the unread messages began. */
  unreadSeq: null,
  /** @type {Record<number, string>} */
  drafts: {},
  /** @type {Record<number, Pending["reply"]>} */
  replies: {},
};

/** @param {Conversation} chosen */
export function conversationPane(chosen) {
  const room = state.rooms[chosen.id];
  if (ui.openId !== chosen.id) {
    Object.assign(ui, { openId: chosen.id, startSeq: null, isAtBottom: true, anchor: null, unreadSeq: null });
    if (!room) openConversation(chosen.id).then(() => noteUnread(chosen.id));
    else noteUnread(chosen.id);
    if (chosen.is_chat_group && !state.members[chosen.id]) loadGroup(chosen.id);
  } else if (!room) openConversation(chosen.id);
  return h(
    "main",
    { id: "main", class: "main-pane chat", key: `chat-${chosen.id}`, tabindex: "-1", "aria-label": chosen.name },
    head(chosen),
    banner(chosen),
    h(
      "div",
      {
        class: "messages",
        key: "messages",
        tabindex: "0",
        role: "group",
        "aria-label": t("messages"),
        onScroll: scrolled,
        ref: follow,
      },
      h(
        "div",
        { class: "message-rows", key: "rows" },
        room ? turns(chosen, room) : h("div", { class: "spinner", role: "status", "aria-label": t("loading") }),
      ),
    ),
    !ui.isAtBottom &&
      h(
        "button",
        { type: "button", class: "to-newest", key: "newest", "aria-label": t("toNewest"), onClick: toNewest },
        icon("down"),
        chosen.unread_count > 0 && h("span", { class: "badge" }, chosen.unread_count),
      ),
    composer(chosen),
  );
}

/** @param {Conversation} chosen */
function head(chosen) {
  const info = () => go(state.route[2] === "info" ? `c/${chosen.id}` : `c/${chosen.id}/info`);
  return h(
    "header",
    { class: "pane-head", key: "head" },
    h("a", { class: "icon-button back", href: state.route[0] === "search" ? "#/search" : "#/c", "aria-label": t("back") }, icon("back")),
    h(
      "button",
      { type: "button", class: "title-button", onClick: info },
      avatar({ ...chosen, id: chosen.friend_id ?? chosen.id }, "small"),
      h("span", { class: "title-text" }, h("bdi", { class: "title-name" }, chosen.name), h("span", { class: "title-sub" }, subtitle(chosen))),
      h("span", { class: "visually-hidden" }, t("details")),
    ),
    iconButton("search", t("findInConversation"), () => go(`c/${chosen.id}/find`)),
    iconButton("info", t("details"), info),
  );
}

/** @param {Conversation} chosen */
function subtitle(chosen) {
  if (chosen.is_chat_group) {
    const n = state.members[chosen.id]?.members.length;
    return n === undefined ? "" : t("memberCount", { n });
  }
  const person = friend(chosen.friend_id ?? 0);
  return person?.deleted ? t("accountDeleted") : (person?.email ?? "");
}

/** The newest announcement. @param {Conversation} chosen */
function banner(chosen) {
  const newest = state.announcements[chosen.id]?.[0];
  if (!newest) return null;
  return h(
    "a",
    { class: "announcement-bar", key: "banner", href: `#/c/${chosen.id}/info` },
    icon("megaphone"),
    h("span", { class: "visually-hidden" }, t("announcement")),
    h("bdi", { class: "clip" }, newest.content),
  );
}

// --- Messages ---

/**
 * @param {Conversation} chosen
 * @param {import("../model/rooms.js").Room} room
 */
function turns(chosen, room) {
  const { messages, isAtStart } = room;
  const { start, end } = drawnRange(messages, ui.startSeq, DRAWN);
  const isNewest = end === messages.length;
  const pending = isNewest ? visible(state.outbox, chosen.id, messages, session.userId() ?? 0) : [];
  if (messages.length + pending.length === 0) {
    return h("div", { class: "empty-note", key: "first" }, icon("chat", "big"), h("p", null, t("sayHello", { name: chosen.name })));
  }
  /** @type {import("../dom.js").VNode[]} */
  const rows = [];
  if (isAtStart && start === 0) rows.push(h("p", { class: "separator quiet", key: "start" }, t("beginning")));
  for (let i = start; i < end; i++) {
    const message = messages[i];
    const previous = i > start ? messages[i - 1] : undefined;
    if (!previous || day(previous.created_time) !== day(message.created_time)) {
      rows.push(h("p", { class: "separator", key: `day-${message.seq}` }, h("span", null, day(message.created_time))));
    }
    if (message.seq === ui.unreadSeq) {
      rows.push(h("p", { class: "separator unread", key: "unread" }, h("span", null, t("newMessages"))));
    }
    rows.push(messageView(chosen, message, isSameTurn(previous, message), message.id === ui.highlighted, WAYS));
  }
  for (const each of pending) rows.push(pendingView(each));
  return rows;
}

/**
 * @param {Message | undefined} previous
 * @param {Message} message
 */
function isSameTurn(previous, message) {
  return (
    previous?.senderid === message.senderid &&
    message.seq !== ui.unreadSeq &&
    day(previous.created_time) === day(message.created_time) &&
    Date.parse(message.created_time) - Date.parse(previous.created_time) < SAME_TURN_MS
  );
}

/** Remember where the unread messages begin, for the line above them. @param {number} id */
function noteUnread(id) {
  const room = state.rooms[id];
  let left = conversation(id)?.unread_count ?? 0;
  if (!room || left === 0 || ui.openId !== id) return;
  for (let i = room.messages.length - 1; i >= 0 && left > 0; i--) {
    if (room.messages[i].senderid === session.userId()) continue;
    left -= 1;
    ui.unreadSeq = room.messages[i].seq;
  }
  change();
}

/** @param {Message} message */
function reply(message) {
  const { id, content, type, sendername: name } = message;
  ui.replies[ui.openId] = { id, content, type, name };
  change();
  focusComposer();
}

/**
 * Show a message of a conversation, wherever in its history it is.
 * @param {number} conversationId
 * @param {number} messageId
 */
export async function jumpTo(conversationId, messageId) {
  if (!(await loadUntil(conversationId, messageId))) return toast(t("errorMessageGone"), "problem");
  const { messages } = state.rooms[conversationId];
  const index = messages.findIndex((each) => each.id === messageId);
  ui.startSeq = messages[Math.max(0, index - Math.floor(DRAWN / 2))].seq;
  ui.openId = conversationId;
  ui.isAtBottom = false;
  ui.target = ui.highlighted = messageId;
  change();
}

function toNewest() {
  Object.assign(ui, { startSeq: null, isAtBottom: true, anchor: null });
  change();
}

const WAYS = { reply, jumpTo };

// --- Scrolling ---

const scroller = () => document.querySelector(".messages");

/** @param {Element} list */
const distanceToBottom = (list) => list.scrollHeight - list.scrollTop - list.clientHeight;

function scrolled() {
  const list = scroller();
  const room = state.rooms[ui.openId];
  if (!list || !room) return;
  const { start, end } = drawnRange(room.messages, ui.startSeq, DRAWN);
  const wasAtBottom = ui.isAtBottom;
  const isBottom = end === room.messages.length && distanceToBottom(list) < AT_BOTTOM_PX;
  // Only somebody who scrolls up leaves the bottom; what grows below does not take them away.
  ui.isAtBottom = isBottom || (wasAtBottom && list.scrollTop >= ui.scrollTop - 1);
  ui.scrollTop = list.scrollTop;
  if (ui.isAtBottom) ui.startSeq = null;
  else if (ui.startSeq === null) ui.startSeq = room.messages[start]?.seq ?? null;
  if (list.scrollTop < NEAR_PX && start > 0) ui.startSeq = slide(room.messages, ui.startSeq, "older", DRAWN);
  else if (list.scrollTop < NEAR_PX && !room.isAtStart) loadOlder(ui.openId);
  else if (distanceToBottom(list) < NEAR_PX && end < room.messages.length) {
    ui.startSeq = slide(room.messages, ui.startSeq, "newer", DRAWN);
  } else if (wasAtBottom === ui.isAtBottom) return void markSeen();
  change();
  markSeen();
}

const resized = new ResizeObserver(() => {
  const list = scroller();
  if (list && ui.isAtBottom) toBottom(list);
});

/** Stay at the newest message while the list or what is in it changes its size. @param {Element} list */
function follow(list) {
  resized.disconnect();
  resized.observe(list);
  if (list.firstElementChild) resized.observe(list.firstElementChild);
}

/** @param {Element} list */
function toBottom(list) {
  list.scrollTop = list.scrollHeight;
  ui.scrollTop = list.scrollTop;
}

/** Note what is on the screen, before the page is drawn again. */
export function beforeDraw() {
  const list = scroller();
  if (!list || ui.isAtBottom) return;
  const top = list.getBoundingClientRect().top;
  const first = [...list.querySelectorAll("[data-seq]")].find((each) => each.getBoundingClientRect().bottom > top);
  ui.anchor = first
    ? { key: first.getAttribute("data-seq") ?? "", top: first.getBoundingClientRect().top }
    : null;
}

/** Keep it where it was; or follow the newest message. */
export function afterDraw() {
  const list = scroller();
  if (!list) return void (ui.openId = 0);
  if (ui.target !== null) {
    const target = list.querySelector(`[data-id="${ui.target}"]`);
    if (target) {
      target.scrollIntoView({ block: "center" });
      ui.target = null;
    }
  } else if (ui.isAtBottom) toBottom(list);
  else if (ui.anchor) {
    const anchor = list.querySelector(`[data-seq="${ui.anchor.key}"]`);
    if (anchor) list.scrollTop += anchor.getBoundingClientRect().top - ui.anchor.top;
  }
  markSeen();
}

/** What has been on the screen of a window that somebody looks at has been read. */
function markSeen() {
  const list = scroller();
  if (!list || !isWatched()) return;
  const bottom = list.getBoundingClientRect().bottom;
  const rows = list.querySelectorAll("[data-seq]");
  for (let i = rows.length - 1; i >= 0; i--) {
    const { top, height } = rows[i].getBoundingClientRect();
    if (top + Math.min(height, 24) <= bottom) {
      markRead(ui.openId, Number(rows[i].getAttribute("data-seq")));
      return;
    }
  }
}

addEventListener("focus", markSeen);
document.addEventListener("visibilitychange", markSeen);

// --- Writing ---

const focusComposer = () => document.querySelector("textarea.draft")?.dispatchEvent(new Event("refocus"));

/** @param {Conversation} chosen */
function composer(chosen) {
  const { id } = chosen;
  const draft = ui.drafts[id] ?? "";
  const replyTo = ui.replies[id] ?? null;
  const length = [...draft].length;
  const submit = () => {
    if (draftOf(id).trim() === "" || [...draftOf(id)].length > MAX_TEXT) return;
    send(id, { content: draftOf(id), reply: ui.replies[id] ?? null });
    ui.drafts[id] = "";
    ui.replies[id] = null;
    toNewest();
  };
  return h(
    "form",
    {
      class: "composer",
      key: "composer",
      onSubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit();
      },
      onDragover: (/** @type {Event} */ event) => event.preventDefault(),
      onDrop: (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        sendImages(id, event.dataTransfer?.files);
      },
    },
    replyTo && replyBar(id, replyTo),
    h(
      "div",
      { class: "composer-line" },
      h(
        "label",
        { class: "icon-button", title: t("sendImage") },
        icon("image"),
        h("span", { class: "visually-hidden" }, t("sendImage")),
        h("input", {
          type: "file",
          class: "visually-hidden",
          accept: "image/png,image/jpeg,image/gif,image/webp",
          multiple: true,
          onChange: (/** @type {any} */ event) => {
            sendImages(id, event.target.files);
            event.target.value = "";
          },
        }),
      ),
      h("textarea", {
        class: "draft",
        rows: "1",
        dir: "auto",
        enterkeyhint: "send",
        "aria-label": t("writeTo", { name: chosen.name }),
        placeholder: t("writeMessage"),
        value: draft,
        ref: (/** @type {HTMLTextAreaElement} */ element) => {
          element.addEventListener("refocus", () => element.focus());
          if (matchMedia("(hover: hover)").matches) element.focus();
        },
        onInput: (/** @type {any} */ event) => {
          ui.drafts[id] = event.target.value;
          change();
        },
        onKeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Escape" && ui.replies[id]) {
            ui.replies[id] = null;
            change();
          }
          // While a word is being composed (Chinese, Japanese), Enter chooses it.
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        },
        onPaste: (/** @type {ClipboardEvent} */ event) => {
          if (!event.clipboardData?.files.length) return;
          event.preventDefault();
          sendImages(id, event.clipboardData.files);
        },
      }),
      length > MAX_TEXT - 55 &&
        h("span", { class: length > MAX_TEXT ? "counter over" : "counter", role: "status" }, MAX_TEXT - length),
      h("button", { type: "submit", class: "icon-button send", "aria-label": t("send"), title: t("send"), disabled: draft.trim() === "" || length > MAX_TEXT }, icon("send")),
    ),
  );
}

const draftOf = (/** @type {number} */ id) => ui.drafts[id] ?? "";

/**
 * @param {number} id
 * @param {NonNullable<Pending["reply"]>} to
 */
const replyBar = (id, to) =>
  h(
    "div",
    { class: "reply-bar" },
    icon("reply"),
    h(
      "span",
      { class: "clip" },
      h("bdi", { class: "reply-name" }, to.name),
      " ",
      h("bdi", null, to.type === 1 ? t("imagePreview") : to.content),
    ),
    iconButton("close", t("cancelReply"), () => {
      ui.replies[id] = null;
      change();
    }),
  );

/**
 * @param {number} id
 * @param {FileList | undefined} files
 */
function sendImages(id, files) {
  for (const file of files ?? []) send(id, { image: file });
  toNewest();
}
