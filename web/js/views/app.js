/** The page as a whole: the entrance, or the panes of a signed-in user. */

import { reconnect } from "../actions/connection.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { countUnread } from "../model/conversations.js";
import * as session from "../session.js";
import { conversation, state, waitingRequests } from "../store.js";
import { avatar, badge, emptyNote, icon, link, mainPane, spinner } from "../ui/index.js";
import { chatList } from "./chats.js";
import { conversationPane } from "./conversation.js";
import { detailsPane } from "./details.js";
import { peopleList, peoplePane } from "./people.js";
import { findPane, searchList } from "./search.js";
import { settingsPane } from "./settings.js";
import { signInPage } from "./signin.js";

export function app() {
  if (session.userId() === null) {
    document.title = t("appName");
    return [signInPage()];
  }
  const unread = countUnread(state.conversations);
  document.title = unread > 0 ? `(${unread}) ${t("appName")}` : t("appName");
  const [place = "c", id, part] = state.route;
  return [
    h("a.skip-link", { href: "#main", onClick: skip }, t("skipToContent")),
    h("div.shell", { class: [`place-${place}`, id && "has-main", part && "has-details"] },
      rail(place, unread),
      state.isLoaded ? panes(place, id, part) : mainPane("loading", "empty", spinner()),
      connectionNotice(),
    ),
    h("div.visually-hidden", { role: "log", key: "heard" }, state.heard),
  ];
}

function skip(/** @type {Event} */ event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const choose = () => emptyNote("chat", t("chooseConversation"));

/** @param {string} place @param {string} [id] @param {string} [part] */
function panes(place, id, part) {
  if (place === "me") return settingsPane();
  if (place === "people") return [peopleList(id), peoplePane(id, part)];
  const chosen = id ? conversation(Number(id)) : undefined;
  const main = chosen
    ? conversationPane(chosen)
    : mainPane("nothing", "empty", state.conversations.length > 0 && choose());
  if (place === "search") return [searchList(), main];
  return [
    chatList(Number(id)),
    main,
    chosen && part === "info" && detailsPane(chosen),
    chosen && part === "find" && findPane(chosen),
  ];
}

/** @param {string} place @param {number} unread */
function rail(place, unread) {
  /** @type {(path: string, label: string, picture: Child, count?: number) => VElement} */
  const entry = (path, label, picture, count = 0) =>
    h("a.rail-link", { href: `#/${path}`, "aria-current": place === path && "page" },
      picture,
      h("span.rail-label", label),
      badge(count),
    );
  return h("nav.rail", { key: "rail", "aria-label": t("navigation") },
    entry("c", t("chats"), icon("chat"), unread),
    entry("people", t("people"), icon("people"), waitingRequests().length),
    entry("search", t("search"), icon("search")),
    entry("me", t("me"), state.me ? avatar(state.me, "small") : icon("settings")),
  );
}

function connectionNotice() {
  const isStopped = state.connection === "too-many";
  const text = { offline: t("offline"), "too-many": t("tooManyWindows") }[state.connection + ""];
  return h("div.connection", { role: "status", key: "connection" },
    text,
    isStopped && link(t("connectHere"), reconnect),
  );
}
