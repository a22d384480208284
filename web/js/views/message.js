/** A message and its actions. */

import { deleteForAll, deleteForMe } from "../actions/messages.js";
import { discard, retry } from "../actions/sending.js";
import * as api from "../api.js";
import { h, memoized } from "../dom.js";
import { clock, contentOf, full } from "../format.js";
import { language, t } from "../i18n.js";
import * as session from "../session.js";
import { state } from "../store.js";
import {
  attempt, avatar, brokenCount, confirm, icon, isOwnUrl, link, menuButton, menuOnPress, openDialog,
  personItem, rowText, tone,
} from "../ui/index.js";
import { replyTo } from "./composer.js";
import { openPerson } from "./person.js";

/** @typedef {(conversationId: number, messageId: number) => void} JumpTo */

const URL_PATTERN = /https?:\/\/[^\s<>"'，。、）]+/g;

/**
 * @param {Conversation} chosen
 * @param {Message} message
 * @param {boolean} isSameTurn it follows a message of the same sender
 * @param {boolean} isHighlighted
 * @param {JumpTo} jumpTo a constant function
 */
export function messageView(chosen, message, isSameTurn, isHighlighted, jumpTo) {
  const isGroup = chosen.is_chat_group;
  const readSeq = state.readSeqs[chosen.id]?.[chosen.friend_id ?? 0] ?? 0;
  const isRead = !isGroup && (message.already_read || readSeq >= message.seq);
  const flags = [isGroup, isSameTurn, isHighlighted, isRead];
  return describe(message, ...flags, jumpTo, language, brokenCount());
}

const describe = memoized(
  (
    /** @type {Message} */ message,
    /** @type {boolean} */ isGroup,
    /** @type {boolean} */ isSameTurn,
    /** @type {boolean} */ isHighlighted,
    /** @type {boolean} */ isRead,
    /** @type {JumpTo} */ jumpTo,
  ) => {
    const { id, seq, senderid, sendername, created_time: time } = message;
    const isOwn = senderid === session.userId();
    const hasSender = isGroup && !isOwn;
    const isPicture = message.type === 1;
    const actions = () => actionsOf(message, isOwn, jumpTo);
    return h("article.message",
      {
        key: `message-${id}`,
        class: [isOwn && "own", isSameTurn && "same-turn", isHighlighted && "highlighted"],
        "data-seq": seq,
        "data-id": id,
        "aria-label": t("messageBy", { name: isOwn ? t("you") : sendername, time: full(time) }),
      },
      hasSender && (isSameTurn ? h("span.avatar-space") : senderButton(message)),
      h("div.bubble", { class: isPicture && "picture", onContextmenu: menuOnPress(actions) },
        hasSender && !isSameTurn && h("bdi.sender", { class: tone(senderid) }, sendername),
        message.reply_to_id !== undefined && quote(message, jumpTo),
        isPicture ? picture(message) : h("div.text", { dir: "auto" }, linked(message.content)),
        h("span.meta",
          h("time", { datetime: time, title: full(time) }, clock(time)),
          isOwn && receipt(isRead ? t("read") : t("sent"), isRead ? "read" : "check", isRead),
        ),
      ),
      menuButton(t("messageActions"), actions, "message-menu"),
    );
  },
);

const senderButton = (/** @type {Message} */ { senderid: id, sendername: name, senderavatar }) =>
  h("button.avatar-button",
    { "aria-label": t("profileOf", { name }), onClick: () => openPerson(id) },
    avatar({ id, name, avatar: senderavatar }, "small"),
  );

/** Text with links for its URLs. @param {string} text */
function linked(text) {
  /** @type {Child[]} */
  const parts = [];
  let from = 0;
  for (const { 0: url, index } of text.matchAll(URL_PATTERN)) {
    const props = { href: url, target: "_blank", rel: "noopener noreferrer nofollow" };
    parts.push(text.slice(from, index), h("a", props, url));
    from = index + url.length;
  }
  return [...parts, text.slice(from)];
}

/** @param {string} label @param {IconName} picture @param {boolean} [isRead] */
const receipt = (label, picture, isRead) =>
  h("span.receipt",
    { class: isRead && "is-read", role: "img", "aria-label": label, title: label },
    icon(picture),
  );

/** @param {Message} message @param {JumpTo} jumpTo */
function quote({ conversation, reply_to_id = 0, reply_to = "", reply_to_type = 0 }, jumpTo) {
  const text = contentOf({ type: reply_to_type, content: reply_to });
  const onClick = () => jumpTo(conversation, reply_to_id);
  return h("button.quote", { title: t("showOriginal"), onClick }, h("bdi.clip", text));
}

function picture(/** @type {Message} */ { content: src, sendername: name }) {
  if (!isOwnUrl(src)) return h("div.text", t("imagePreview"));
  const title = t("imageBy", { name });
  const fullImage = () => h("img.full-image", { src, alt: title });
  const onClick = () => openDialog(title, fullImage, "lightbox");
  return h("button.picture-button", { "aria-label": t("openImage", { name }), onClick },
    h("img", { key: src, src, alt: "", loading: "lazy", decoding: "async" }),
  );
}

/** @type {(message: Message, isOwn: boolean, jumpTo: JumpTo) => (MenuItem | false)[]} */
function actionsOf(message, isOwn, jumpTo) {
  const isModerator = (state.members[message.conversation]?.identity ?? 3) < 3;
  const copy = () => navigator.clipboard.writeText(message.content);
  const askToDelete = () =>
    confirm(t("deleteForAll"), t("deleteForAllText"), t("delete"), () => deleteForAll(message));
  /** @type {(label: string, icon: IconName, run: () => Promise<any>, done?: string) => MenuItem} */
  const item = (label, icon, action, done) => ({ label, icon, run: () => attempt(action, done) });
  return [
    { label: t("reply"), icon: "reply", run: () => replyTo(message) },
    item(t("showReplies"), "chat", () => openReplies(message, jumpTo)),
    item(t("readBy"), "eye", () => openReaders(message)),
    // Away from localhost and without TLS there is no clipboard.
    message.type === 0 && !!navigator.clipboard && item(t("copy"), "copy", copy, t("copied")),
    item(t("deleteForMe"), "trash", () => deleteForMe(message)),
    (isOwn || isModerator) &&
      { label: t("deleteForAll"), icon: "trash", isDanger: true, run: askToDelete },
  ];
}

/** @param {Message} message @param {JumpTo} jumpTo */
async function openReplies(message, jumpTo) {
  const { replies } = await api.get("/conversations/get_reply", { message_id: message.id });
  openDialog(t("replies"), (close) => {
    const item = (/** @type {any} */ each) => {
      const sender = { id: each.sender_id, name: each.sender_name, avatar: each.sender_avatar };
      const onClick = () => {
        close();
        jumpTo(message.conversation, each.reply_id);
      };
      return h("li", { key: each.reply_id },
        h("button.person-row", { onClick },
          avatar(sender, "small"),
          rowText(sender.name, h("bdi.wrap", each.content), h("time.row-time", clock(each.time))),
        ),
      );
    };
    return [
      h("blockquote.original", h("bdi", contentOf(message))),
      replies.length === 0 && h("p.quiet", t("noReplies")),
      h("ul.plain-list", replies.map(item)),
    ];
  });
}

async function openReaders(/** @type {Message} */ { id }) {
  const { read_users } = await api.post("/conversations/readlist", { message_id: id });
  openDialog(t("readBy"), () => [
    read_users.length === 0 && h("p.quiet", t("readByNobody")),
    h("ul.plain-list", read_users.map((/** @type {any} */ each) => personItem(each))),
  ]);
}

/** A pending message. @param {Pending} pending */
export function pendingView(pending) {
  const { client_id, problem, image, reply, preview, content, created_time } = pending;
  return h("article.message.own",
    { key: `pending-${client_id}`, class: problem ? "failed" : "pending" },
    h("div.bubble", { class: image && "picture" },
      reply && h("span.quote", h("bdi.clip", contentOf(reply))),
      image
        ? h("span.picture-button", h("img", { src: preview, alt: t("imagePreview") }))
        : h("div.text", { dir: "auto" }, content),
      h("span.meta",
        h("time", clock(created_time)),
        problem ? receipt(t("notSent"), "alert") : receipt(t("sending"), "clock"),
      ),
    ),
    problem &&
      h("p.send-problem", { role: "alert" },
        problem,
        link(t("tryAgain"), () => retry(pending)),
        link(t("discard"), () => discard(pending)),
      ),
  );
}
