/** One message, and what can be done with it. */

import { attempt, deleteForAll, deleteForMe, discard, retry } from "../actions.js";
import * as api from "../api.js";
import { h, memoized } from "../dom.js";
import { clock, full } from "../format.js";
import { language, t } from "../i18n.js";
import * as session from "../session.js";
import { state } from "../store.js";
import { avatar, brokenCount, isOwnUrl } from "../ui/avatar.js";
import { confirm, openDialog } from "../ui/dialog.js";
import { icon, iconButton } from "../ui/icons.js";
import { openMenu } from "../ui/menu.js";
import { openPerson } from "./person.js";

/** @typedef {import("../model/conversations.js").Conversation} Conversation */
/** @typedef {import("../model/rooms.js").Message} Message */
/** @typedef {{reply: (message: Message) => void, jumpTo: (conversationId: number, messageId: number) => void}} Ways */

const URL_PATTERN = /https?:\/\/[^\s<>"'，。、）]+/g;

/**
 * @param {Conversation} chosen
 * @param {Message} message
 * @param {boolean} isSameTurn it follows a message of the same person
 * @param {boolean} isHighlighted
 * @param {Ways} ways always the same
 */
export function messageView(chosen, message, isSameTurn, isHighlighted, ways) {
  const readSeq = state.readSeqs[chosen.id]?.[chosen.friend_id ?? 0] ?? 0;
  const isRead = !chosen.is_chat_group && (message.already_read || readSeq >= message.seq);
  const isGroup = chosen.is_chat_group;
  return describeMessage(message, isGroup, isSameTurn, isHighlighted, isRead, ways, language, brokenCount());
}

const describeMessage = memoized(describe);

/**
 * @param {Message} message
 * @param {boolean} isGroup
 * @param {boolean} isSameTurn
 * @param {boolean} isHighlighted
 * @param {boolean} isRead
 * @param {Ways} ways
 */
function describe(message, isGroup, isSameTurn, isHighlighted, isRead, ways) {
  const isOwn = message.senderid === session.userId();
  const sender = { id: message.senderid, name: message.sendername, avatar: message.senderavatar };
  const open = (/** @type {any} */ event, /** @type {{x: number, y: number} | undefined} */ point) =>
    openMenu(event.currentTarget, actionsOf(message, isOwn, ways), point);
  const classes = ["message", isOwn && "own", isSameTurn && "same-turn", isHighlighted && "highlighted"];
  return h(
    "article",
    {
      key: `message-${message.id}`,
      class: classes.filter(Boolean).join(" "),
      "data-seq": message.seq,
      "data-id": message.id,
      "aria-label": t("messageBy", { name: isOwn ? t("you") : message.sendername, time: full(message.created_time) }),
    },
    isGroup &&
      !isOwn &&
      (isSameTurn
        ? h("span", { class: "avatar-space" })
        : h("button", { type: "button", class: "avatar-button", "aria-label": t("profileOf", { name: sender.name }), onClick: () => openPerson(sender.id) }, avatar(sender, "small"))),
    h(
      "div",
      {
        class: message.type === 1 ? "bubble picture" : "bubble",
        onContextmenu: (/** @type {any} */ event) => {
          if (getSelection()?.toString()) return;
          event.preventDefault();
          open(event, { x: event.clientX, y: event.clientY });
        },
      },
      isGroup && !isOwn && !isSameTurn && h("bdi", { class: `sender ink-${message.senderid % 8}` }, message.sendername),
      message.reply_to_id !== undefined && quote(message, ways),
      message.type === 1 ? picture(message.content, message.sendername) : h("div", { class: "text", dir: "auto" }, linked(message.content)),
      h(
        "span",
        { class: "meta" },
        h("time", { datetime: message.created_time, title: full(message.created_time) }, clock(message.created_time)),
        isOwn && receipt(isRead),
      ),
    ),
    iconButton("more", t("messageActions"), (event) => open(event, undefined), { class: "icon-button message-menu" }),
  );
}

/**
 * Text whose web addresses can be followed.
 * @param {string} text
 * @returns {import("../dom.js").Child[]}
 */
function linked(text) {
  /** @type {import("../dom.js").Child[]} */
  const parts = [];
  let from = 0;
  for (const { 0: url, index } of text.matchAll(URL_PATTERN)) {
    parts.push(text.slice(from, index), h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, url));
    from = index + url.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** @param {boolean} isRead */
function receipt(isRead) {
  return h(
    "span",
    { class: isRead ? "receipt is-read" : "receipt", role: "img", "aria-label": isRead ? t("read") : t("sent"), title: isRead ? t("read") : t("sent") },
    icon(isRead ? "read" : "check"),
  );
}

/**
 * @param {Message} message
 * @param {Ways} ways
 */
const quote = (message, ways) =>
  h(
    "button",
    { type: "button", class: "quote", title: t("showOriginal"), onClick: () => ways.jumpTo(message.conversation, message.reply_to_id ?? 0) },
    h("bdi", { class: "clip" }, message.reply_to_type === 1 ? t("imagePreview") : message.reply_to),
  );

/**
 * @param {string} url
 * @param {string} name
 */
function picture(url, name) {
  if (!isOwnUrl(url)) return h("div", { class: "text" }, t("imagePreview"));
  return h(
    "button",
    { type: "button", class: "picture-button", "aria-label": t("openImage", { name }), onClick: () => openLightbox(url, name) },
    h("img", { key: url, src: url, alt: "", loading: "lazy", decoding: "async" }),
  );
}

/**
 * @param {string} url
 * @param {string} name
 */
const openLightbox = (url, name) =>
  openDialog(t("imageBy", { name }), () => h("img", { class: "full-image", src: url, alt: t("imageBy", { name }) }), "lightbox");

/**
 * @param {Message} message
 * @param {boolean} isOwn
 * @param {Ways} ways
 */
function actionsOf(message, isOwn, ways) {
  const id = message.conversation;
  const isModerator = (state.members[id]?.identity ?? 3) < 3;
  return /** @type {(import("../ui/menu.js").MenuItem | false)[]} */ ([
    { label: t("reply"), icon: "reply", run: () => ways.reply(message) },
    { label: t("showReplies"), icon: "chat", run: () => openReplies(message, ways) },
    { label: t("readBy"), icon: "eye", run: () => openReaders(message) },
    message.type === 0 && { label: t("copy"), icon: "copy", run: () => copy(message.content) },
    { label: t("deleteForMe"), icon: "trash", run: () => attempt(() => deleteForMe(id, [message.id])) },
    (isOwn || isModerator) && { label: t("deleteForAll"), icon: "trash", isDanger: true, run: () => askToDelete(message) },
  ]);
}

/** @param {string} text */
async function copy(text) {
  // Away from localhost and without TLS there is no clipboard.
  await attempt(() => navigator.clipboard.writeText(text), t("copied"));
}

/** @param {Message} message */
async function askToDelete(message) {
  if (await confirm(t("deleteForAll"), t("deleteForAllText"), t("delete"))) {
    await attempt(() => deleteForAll(message.id));
  }
}

/**
 * @param {Message} message
 * @param {Ways} ways
 */
async function openReplies(message, ways) {
  await attempt(async () => {
    const { replies } = await api.get("/conversations/get_reply", { message_id: message.id });
    openDialog(t("replies"), (close) => [
      h("blockquote", { class: "original" }, h("bdi", null, message.type === 1 ? t("imagePreview") : message.content)),
      replies.length === 0 && h("p", { class: "quiet" }, t("noReplies")),
      h(
        "ul",
        { class: "plain-list" },
        replies.map((/** @type {any} */ each) =>
          h(
            "li",
            { key: each.reply_id },
            h(
              "button",
              {
                type: "button",
                class: "person-row",
                onClick: () => {
                  close();
                  ways.jumpTo(message.conversation, each.reply_id);
                },
              },
              avatar({ id: each.sender_id, name: each.sender_name, avatar: each.sender_avatar }, "small"),
              h("span", { class: "row-text" }, h("bdi", { class: "row-name" }, each.sender_name), h("bdi", { class: "wrap" }, each.content)),
              h("time", { class: "row-time" }, clock(each.time)),
            ),
          ),
        ),
      ),
    ]);
  });
}

/** @param {Message} message */
async function openReaders(message) {
  await attempt(async () => {
    const { read_users } = await api.post("/conversations/readlist", { message_id: message.id });
    openDialog(t("readBy"), () => [
      read_users.length === 0 && h("p", { class: "quiet" }, t("readByNobody")),
      h(
        "ul",
        { class: "plain-list" },
        read_users.map((/** @type {any} */ each) => h("li", { key: each.id, class: "person-row" }, avatar(each, "small"), h("bdi", { class: "clip" }, each.name))),
      ),
    ]);
  });
}

/** A message that is on its way. @param {import("../model/outbox.js").Pending} pending */
export function pendingView(pending) {
  const { problem } = pending;
  return h(
    "article",
    { key: `pending-${pending.client_id}`, class: problem ? "message own failed" : "message own pending" },
    h(
      "div",
      { class: pending.image ? "bubble picture" : "bubble" },
      pending.reply && h("span", { class: "quote" }, h("bdi", { class: "clip" }, pending.reply.type === 1 ? t("imagePreview") : pending.reply.content)),
      pending.preview ? h("span", { class: "picture-button" }, h("img", { src: pending.preview, alt: t("imagePreview") })) : h("div", { class: "text", dir: "auto" }, pending.content),
      h(
        "span",
        { class: "meta" },
        h("time", null, clock(pending.created_time)),
        h("span", { class: "receipt", role: "img", "aria-label": problem ? t("notSent") : t("sending") }, icon(problem ? "alert" : "clock")),
      ),
    ),
    problem &&
      h(
        "p",
        { class: "send-problem", role: "alert" },
        problem,
        h("button", { type: "button", class: "link", onClick: () => retry(pending) }, t("tryAgain")),
        h("button", { type: "button", class: "link", onClick: () => discard(pending) }, t("discard")),
      ),
  );
}
