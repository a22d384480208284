/** A conversation: its messages, of which a part is rendered. */

import { loadGroup } from "../actions/lists.js";
import * as messages from "../actions/messages.js";
import { h } from "../dom.js";
import { day } from "../format.js";
import { t } from "../i18n.js";
import { visible } from "../model/outbox.js";
import { drawnRange, slide } from "../model/rooms.js";
import { go } from "../router.js";
import * as session from "../session.js";
import { change, conversation, friend, state } from "../store.js";
import { avatar, emptyNote, icon, iconButton, iconLink, spinner, toast } from "../ui/index.js";
import { composer } from "./composer.js";
import { messageView, pendingView } from "./message.js";

const DRAWN = 120;
const NEAR_PX = 400;
const AT_BOTTOM_PX = 48;
const SAME_TURN_MS = 5 * 60_000;

const ui = {
  openId: 0,
  /** @type {number | null} The start of the rendered part, or null for the newest messages. */
  startSeq: null,
  isAtBottom: true,
  isGoingUp: false,
  scrollTop: 0,
  /** @type {{seq: string, top: number} | null} The message that keeps its position. */
  anchor: null,
  /** @type {number | null} The message to scroll to. */
  target: null,
  /** @type {number} The highlighted message. */
  highlighted: 0,
  /** @type {number | null} The start of the unread messages. */
  unreadSeq: null,
};
const AT_NEWEST = { startSeq: null, isAtBottom: true, anchor: null };

export function conversationPane(/** @type {Conversation} */ chosen) {
  const { id, name } = chosen;
  const room = state.rooms[id];
  const isNew = ui.openId !== id;
  if (isNew) Object.assign(ui, { openId: id, unreadSeq: null, ...AT_NEWEST });
  if (isNew || !room) messages.openConversation(id).then(() => isNew && opened(chosen));
  return h("main.main-pane.chat",
    { id: "main", key: `chat-${id}`, tabindex: "-1", "aria-label": name },
    head(chosen),
    banner(chosen),
    h("div.messages",
      { key: "messages", tabindex: "0", role: "group", "aria-label": t("messages"), ...scrolling },
      h("div.message-rows", { key: "rows" }, room ? turns(chosen, room) : spinner()),
    ),
    !ui.isAtBottom &&
      h("button.to-newest", { key: "newest", "aria-label": t("toNewest"), onClick: toNewest },
        icon("down"),
        chosen.unread_count > 0 && h("span.badge", chosen.unread_count),
      ),
    composer(chosen, toNewest),
  );
}

function head(/** @type {Conversation} */ chosen) {
  const [place, , part] = state.route;
  const info = () => go(part === "info" ? `c/${chosen.id}` : `c/${chosen.id}/info`);
  return h("header.pane-head", { key: "head" },
    iconLink("back", t("back"), place === "search" ? "#/search" : "#/c", "back"),
    h("button.title-button", { onClick: info },
      avatar({ ...chosen, id: chosen.friend_id ?? chosen.id }, "small"),
      h("span.title-text", h("bdi.title-name", chosen.name), h("span.title-sub", subtitle(chosen))),
      h("span.visually-hidden", t("details")),
    ),
    iconButton("search", t("findInConversation"), () => go(`c/${chosen.id}/find`)),
    iconButton("info", t("details"), info),
  );
}

function subtitle(/** @type {Conversation} */ chosen) {
  if (chosen.is_chat_group) {
    const n = state.members[chosen.id]?.members.length;
    return n === undefined ? "" : t("memberCount", { n });
  }
  const person = friend(chosen.friend_id ?? 0);
  return person?.deleted ? t("accountDeleted") : person?.email;
}

/** The newest announcement. @param {Conversation} chosen */
function banner({ id }) {
  const newest = state.announcements[id]?.[0];
  return (
    newest &&
    h("a.announcement-bar", { key: "banner", href: `#/c/${id}/info` },
      icon("megaphone"),
      h("span.visually-hidden", t("announcement")),
      h("bdi.clip", newest.content),
    )
  );
}

// --- Messages ---

/** @param {Conversation} chosen @param {Room} room */
function turns(chosen, { messages: all, isAtStart }) {
  const { id, name } = chosen;
  const { start, end } = drawnRange(all, ui.startSeq, DRAWN);
  const isNewest = end === all.length;
  const pending = isNewest ? visible(state.outbox, id, all, session.userId() ?? 0) : [];
  if (all.length + pending.length === 0) return emptyNote("chat", t("sayHello", { name }));
  const rows = all.slice(start, end).map((message, index, drawn) => {
    const previous = drawn[index - 1];
    const isNewDay = !previous || day(previous.created_time) !== day(message.created_time);
    const isSameTurn =
      !isNewDay &&
      previous.senderid === message.senderid &&
      message.seq !== ui.unreadSeq &&
      Date.parse(message.created_time) - Date.parse(previous.created_time) < SAME_TURN_MS;
    return [
      isNewDay && separator(`day-${message.seq}`, day(message.created_time)),
      message.seq === ui.unreadSeq && separator("unread", t("newMessages")),
      messageView(chosen, message, isSameTurn, message.id === ui.highlighted, jumpTo),
    ];
  });
  const isBeginning = isAtStart && start === 0;
  return [isBeginning && separator("start", t("beginning")), rows, pending.map(pendingView)];
}

/** @param {string} key @param {string} text */
const separator = (key, text) => h("p.separator", { key, class: key }, h("span", text));

/** Fetch the rest after the messages, which it would delay. @param {Conversation} chosen */
function opened({ id, is_chat_group }) {
  if (ui.openId !== id) return;
  noteUnread(id);
  if (!is_chat_group || state.members[id]) return;
  loadGroup(id, state.route[2] === "info" ? undefined : ["members", "announcements"]);
}

/** Remember where the unread messages begin, for the line above them. @param {number} id */
function noteUnread(id) {
  const isOther = (/** @type {Message} */ { senderid }) => senderid !== session.userId();
  const others = state.rooms[id]?.messages.filter(isOther) ?? [];
  const count = conversation(id)?.unread_count ?? 0;
  if (count === 0 || others.length === 0) return;
  ui.unreadSeq = others[Math.max(0, others.length - count)].seq;
  change();
}

/**
 * Show a message anywhere in the history of a conversation.
 * @type {(conversationId: number, messageId: number) => Promise<void>}
 */
export async function jumpTo(conversationId, messageId) {
  const isThere = await messages.loadUntil(conversationId, messageId);
  if (isThere === false) toast(t("errorMessageGone"), "problem");
  if (!isThere) return;
  const all = state.rooms[conversationId].messages;
  const index = all.findIndex((each) => each.id === messageId);
  const startSeq = all[Math.max(0, index - Math.floor(DRAWN / 2))].seq;
  const shown = { openId: conversationId, target: messageId, highlighted: messageId };
  Object.assign(ui, { ...shown, startSeq, isAtBottom: false });
  change();
}

function toNewest() {
  Object.assign(ui, AT_NEWEST);
  change();
}

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
  // Only scrolling up leaves the bottom; what grows below does not.
  ui.isAtBottom = isBottom || (wasAtBottom && list.scrollTop >= ui.scrollTop - 1);
  if (list.scrollTop !== ui.scrollTop) ui.isGoingUp = list.scrollTop < ui.scrollTop;
  ui.scrollTop = list.scrollTop;
  if (ui.isAtBottom) ui.startSeq = null;
  else ui.startSeq ??= room.messages[start]?.seq ?? null;
  if (wasAtBottom !== ui.isAtBottom) change();
  extend(list);
  markSeen();
}

/**
 * Draw or fetch more where the end of what is drawn is near, in the direction of the last scroll;
 * after each drawing, too, since a list that is at its end is scrolled no more.
 * @param {Element} list
 */
function extend(list) {
  const room = state.rooms[ui.openId];
  if (!room) return;
  const { start, end } = drawnRange(room.messages, ui.startSeq, DRAWN);
  const isNearTop = list.scrollTop < NEAR_PX;
  if (isNearTop && start === 0) return void messages.loadOlder(ui.openId);
  const isNearEnd = distanceToBottom(list) < NEAR_PX && end < room.messages.length;
  if (ui.isAtBottom || !(ui.isGoingUp ? isNearTop : isNearEnd)) return;
  ui.startSeq = slide(room.messages, ui.startSeq, ui.isGoingUp ? "older" : "newer", DRAWN);
  change();
}

const resized = new ResizeObserver(() => {
  const list = scroller();
  if (list && ui.isAtBottom) toBottom(list);
});

/** Stay at the newest message while sizes change. @param {Element} list */
function follow(list) {
  resized.disconnect();
  resized.observe(list);
  if (list.firstElementChild) resized.observe(list.firstElementChild);
}

const scrolling = { onScroll: scrolled, ref: follow };

function toBottom(/** @type {Element} */ list) {
  list.scrollTop = list.scrollHeight;
  ui.scrollTop = list.scrollTop;
}

/** The rendered messages. @param {Element} list */
const drawn = (list) => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[data-seq]")]);

/** Store the scroll position before the next rendering. */
export function beforeDraw() {
  const list = scroller();
  if (!list || ui.isAtBottom) return;
  const { top } = list.getBoundingClientRect();
  const first = drawn(list).find((each) => each.getBoundingClientRect().bottom > top);
  ui.anchor = first
    ? { seq: first.dataset.seq ?? "", top: first.getBoundingClientRect().top }
    : null;
}

/** Restore the scroll position, or follow the newest message. */
export function afterDraw() {
  const list = scroller();
  if (!list) return void (ui.openId = 0);
  const target = ui.target && list.querySelector(`[data-id="${ui.target}"]`);
  const anchor = ui.anchor && list.querySelector(`[data-seq="${ui.anchor.seq}"]`);
  if (target) {
    target.scrollIntoView({ block: "center" });
    ui.target = null;
  } else if (ui.isAtBottom) toBottom(list);
  else if (anchor && ui.anchor) {
    list.scrollTop += anchor.getBoundingClientRect().top - ui.anchor.top;
  }
  ui.scrollTop = list.scrollTop;
  extend(list);
  markSeen();
}

/** What has been on the screen of a visible and focused window has been read. */
function markSeen() {
  const list = scroller();
  if (!list || !messages.isWatched()) return;
  const { bottom } = list.getBoundingClientRect();
  const newest = drawn(list).findLast((each) => {
    const { top, height } = each.getBoundingClientRect();
    return top + Math.min(height, 24) <= bottom;
  });
  if (newest) messages.markRead(ui.openId, Number(newest.dataset.seq));
}

addEventListener("focus", markSeen);
document.addEventListener("visibilitychange", markSeen);
