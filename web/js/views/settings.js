/** The user's account, and the theme and language of the page. */

import { signOut } from "../actions/connection.js";
import { refreshProfile } from "../actions/lists.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { full } from "../format.js";
import { language, setLanguage, t } from "../i18n.js";
import * as passwords from "../passwords.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { setTheme, theme } from "../theme.js";
import {
  attempt, button, card, confirm, field, icon, openForm, personItem, pictureField, portrait,
  rowText, toast,
} from "../ui/index.js";
import { unblock } from "./person.js";

const ui = {
  /** @type {any[] | null} */
  sessions: null,
  isAsked: false,
};

export function settingsPane() {
  if (!ui.isAsked) {
    ui.isAsked = true;
    loadSessions();
  }
  return h("main.main-pane.page", { id: "main", key: "me", tabindex: "-1" },
    h("div.page-column",
      h("h1.visually-hidden", t("settings")),
      state.me && account(state.me),
      appearance(),
      sessions(),
      blocked(),
      leaving(),
    ),
  );
}

/** @param {Profile} me */
const account = (me) =>
  h("section.card",
    h("div.card-person", portrait(me, me.email, me.user_info)),
    h("div.actions.centered",
      button(t("editProfile"), () => openProfile(me), "edit"),
      button(t("changeEmail"), () => openEmail(me)),
      button(t("changePassword"), openPassword),
    ),
  );

/**
 * A form that changes the account and requires the password.
 * @param {string} title
 * @param {() => Child} fields
 * @param {(values: Record<string, string>) => Record<string, string> | Promise<Record<string, string>>} changes
 */
function openAccountForm(title, fields, changes) {
  const ownPassword = () =>
    field(t("currentPassword"), "origin_password", {
      type: "password",
      autocomplete: "current-password",
      maxlength: "20",
      hint: t("currentPasswordHint"),
    });
  openForm(title, t("save"), () => [fields(), ownPassword()], async (values) => {
    const origin_password = await passwords.encode(values.origin_password);
    await api.put("/account/info", { origin_password, ...(await changes(values)) });
    await Promise.all([refreshProfile(), loadSessions()]);
    toast(t("saved"));
  });
}

/** @param {Profile} me */
function openProfile(me) {
  const picture = pictureField(me);
  openAccountForm(t("editProfile"),
    () => [
      picture.view(),
      field(t("name"), "name", { maxlength: "20", defaultValue: me.name }),
      field(t("about"), "user_info", { maxlength: "255", rows: 3, defaultValue: me.user_info }),
    ],
    ({ name, user_info }) => ({ name, user_info, avatar: picture.value }),
  );
}

/** @param {Profile} me */
const openEmail = (me) =>
  openAccountForm(t("changeEmail"),
    () => field(t("newEmail"), "email", { type: "email", defaultValue: me.email }),
    ({ email }) => ({ email }),
  );

const openPassword = () =>
  openAccountForm(t("changePassword"),
    () => passwords.newPasswordField(t("newPassword")),
    async ({ password }) => ({ password: await passwords.encodeNew(password) }),
  );

function appearance() {
  const onChange = (/** @type {any} */ event) => {
    setTheme(event.target.value);
    change();
  };
  return card(t("appearance"),
    h("div.setting", t("language"), languageSwitch()),
    h("label.setting",
      t("theme"),
      h("select", { value: theme(), onChange },
        h("option", { value: "auto" }, t("themeAuto")),
        h("option", { value: "light" }, t("themeLight")),
        h("option", { value: "dark" }, t("themeDark")),
      ),
    ),
  );
}

export function languageSwitch() {
  const option = (/** @type {import("../i18n.js").Language} */ value, /** @type {string} */ label) => {
    const onClick = () => {
      setLanguage(value);
      change();
    };
    return h("button", { lang: value, "aria-pressed": String(language === value), onClick }, label);
  };
  return h("div.segments", { role: "group", "aria-label": t("language") },
    option("zh", "中文"),
    option("en", "English"),
  );
}

// --- Sessions ---

async function loadSessions() {
  const answer = await api.get("/account/sessions").catch(() => null);
  ui.sessions = answer?.sessions ?? null;
  change();
}

/** @param {Record<string, any>} which */
const endSessions = (which) =>
  attempt(async () => {
    await api.del("/account/sessions", which);
    await loadSessions();
  }, t("signedOutThere"));

const sessions = () =>
  ui.sessions &&
  card(t("sessions"),
    h("ul.plain-list", ui.sessions.map(sessionItem)),
    ui.sessions.length > 1 &&
      button(t("signOutOthers"), () => endSessions({ others: true }), undefined, "wide"),
  );

/** @param {any} each */
const sessionItem = ({ id, device, address, created_at, current }) =>
  h("li.person-row", { key: id },
    icon("window"),
    rowText([shortDevice(device), " ", current && h("span.tag", t("thisWindow"))],
      h("bdi.row-preview.two-lines", `${address} · ${t("since", { time: full(created_at) })}`),
    ),
    !current && button(t("signOut"), () => endSessions({ session_id: id })),
  );

/** The browser and system of a user agent. @param {string} agent */
function shortDevice(agent) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const name = { Edg: "Edge", OPR: "Opera" }[browser ?? ""] ?? browser;
  return [name, system].filter(Boolean).join(", ") || agent || t("unknownDevice");
}

// --- Blocks and leaving ---

const blocked = () =>
  state.blocks &&
  card(t("blockedPeople"),
    state.blocks.length === 0 && h("p.quiet", t("nobodyBlocked")),
    h("ul.plain-list",
      state.blocks.map((each) => personItem(each, button(t("unblock"), () => unblock(each.id)))),
    ),
  );

const leaving = () =>
  card(t("account"),
    h("div.actions.stacked",
      button(t("downloadData"), downloadData, "down"),
      button(t("anotherAccount"), session.useOwnWindow, "window"),
      button(t("signOut"), signOut, "logout"),
      button(t("deleteAccount"), deleteAccount, "trash", "danger-text"),
    ),
    h("a.quiet.small", { href: "/docs" }, t("apiDocs")),
  );

const downloadData = () =>
  attempt(async () => {
    const href = URL.createObjectURL(await api.download("/account/export"));
    const link = document.createElement("a");
    Object.assign(link, { href, download: "ims-export.zip" }).click();
    URL.revokeObjectURL(href);
  });

async function deleteAccount() {
  const title = t("deleteAccount");
  const remove = () => api.del("/account/delete");
  if (await confirm(title, t("deleteAccountText"), title, remove)) session.end();
}
