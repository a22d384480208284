/** The message that is being written. */

import { send } from "../actions/sending.js";
import { h } from "../dom.js";
import { contentOf } from "../format.js";
import { t } from "../i18n.js";
import { change } from "../store.js";
import { icon, iconButton, PICTURES } from "../ui/index.js";

const MAX_TEXT = 255;
const COUNTED_FROM = 200;

/** @type {Record<number, {text: string, reply: Pending["reply"]}>} By conversation. */
const drafts = {};
const draftOf = (/** @type {number} */ id) => (drafts[id] ??= { text: "", reply: null });

/** Start a reply to a message. @param {Message} message */
export function replyTo({ conversation, id, content, type, sendername: name }) {
  draftOf(conversation).reply = { id, content, type, name };
  change();
  /** @type {HTMLElement | null} */ (document.querySelector(".draft"))?.focus();
}

/** @param {{id: number, name: string}} chosen @param {() => void} toNewest scrolls to the end */
export function composer({ id, name }, toNewest) {
  const draft = draftOf(id);
  const left = MAX_TEXT - [...draft.text].length;
  const isSendable = () => draft.text.trim() !== "" && [...draft.text].length <= MAX_TEXT;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!isSendable()) return;
    send(id, { content: draft.text, reply: draft.reply });
    Object.assign(draft, { text: "", reply: null });
    toNewest();
  };
  const set = (/** @type {Partial<typeof draft>} */ changes) => {
    Object.assign(draft, changes);
    change();
  };
  const cancelReply = () => set({ reply: null });
  const sendImages = (/** @type {Event} */ event, /** @type {FileList | undefined} */ files) => {
    if (!files?.length) return;
    event.preventDefault();
    for (const image of files) send(id, { image });
    toNewest();
  };
  return h("form.composer",
    {
      key: "composer",
      onSubmit: submit,
      onDragover: (/** @type {DragEvent} */ event) => event.preventDefault(),
      onDrop: (/** @type {DragEvent} */ event) => sendImages(event, event.dataTransfer?.files),
    },
    draft.reply && replyBar(draft.reply, cancelReply),
    h("div.composer-line",
      h("label.icon-button", { title: t("sendImage") },
        icon("image"),
        h("span.visually-hidden", t("sendImage")),
        h("input.visually-hidden", {
          type: "file",
          accept: PICTURES,
          multiple: true,
          onChange: (/** @type {any} */ event) => {
            sendImages(event, event.target.files);
            event.target.value = "";
          },
        }),
      ),
      h("textarea.draft", {
        rows: "1",
        dir: "auto",
        enterkeyhint: "send",
        "aria-label": t("writeTo", { name }),
        placeholder: t("writeMessage"),
        value: draft.text,
        ref: (/** @type {HTMLTextAreaElement} */ element) => {
          if (matchMedia("(hover: hover)").matches) element.focus();
        },
        onInput: (/** @type {any} */ event) => set({ text: event.target.value }),
        onKeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Escape") cancelReply();
          // During the composition of a word (Chinese, Japanese), Enter chooses it.
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
        },
        onPaste: (/** @type {ClipboardEvent} */ event) =>
          sendImages(event, event.clipboardData?.files),
      }),
      left < MAX_TEXT - COUNTED_FROM &&
        h("span.counter", { class: left < 0 && "over", role: "status" }, left),
      h("button.icon-button.send",
        { type: "submit", "aria-label": t("send"), title: t("send"), disabled: !isSendable() },
        icon("send"),
      ),
    ),
  );
}

/** @param {NonNullable<Pending["reply"]>} to @param {() => void} cancel */
const replyBar = (to, cancel) =>
  h("div.reply-bar",
    icon("reply"),
    h("span.clip.grow", h("bdi.reply-name", to.name), " ", h("bdi", contentOf(to))),
    iconButton("close", t("cancelReply"), cancel),
  );
