/** The account of the user, and the appearance of the page. */

import { leave, signOut } from "../actions/connection.js";
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
  attempt, button, card, confirm, field, icon, mainPane, openForm, personItem, pictureField,
  portrait, rowText, toast,
} from "../ui/index.js";
import { unblock } from "./person.js";

/** @type {any[] | null} */
let sessions = null;

export const settingsPane = () =>
  mainPane("me", "page",
    h("div.page-column", { ref: loadSessions },
      h("h1.visually-hidden", t("settings")),
      state.me && account(state.me),
      appearance(),
      sessionList(),
      blocked(),
      leaving(),
    ),
  );

const account = (/** @type {Profile} */ me) =>
  h("section.card",
    h("div.card-person", portrait(me, me.email, me.user_info)),
    h("div.actions.centered",
      button(t("editProfile"), () => openProfile(me), "edit"),
      button(t("changeEmail"), () => openEmail(me)),
      button(t("changePassword"), openPassword),
    ),
  );

/** @typedef {Record<string, string>} Values */

/**
 * A form that changes the account, which requires the password.
 * @param {string} title
 * @param {() => Child} fields
 * @param {(values: Values) => Promise<Values>} changes
 */
function openAccountForm(title, fields, changes) {
  const hint = t("currentPasswordHint");
  const ownPassword = () =>
    passwords.passwordField(t("currentPassword"), "origin_password", { hint });
  openForm(title, t("save"), () => [fields(), ownPassword()], async (values) => {
    const origin_password = await passwords.encode(values.origin_password);
    await api.put("/account/info", { origin_password, ...(await changes(values)) });
    await Promise.all([refreshProfile(), loadSessions()]);
    toast(t("saved"));
  });
}

function openProfile(/** @type {Profile} */ me) {
  const picture = pictureField(me);
  openAccountForm(t("editProfile"),
    () => [
      picture.view(),
      field(t("name"), "name", { maxlength: "20", defaultValue: me.name }),
      field(t("about"), "user_info", { maxlength: "255", rows: 3, defaultValue: me.user_info }),
    ],
    async ({ name, user_info }) => ({ name, user_info, avatar: picture.value }),
  );
}

const openEmail = (/** @type {Profile} */ me) =>
  openAccountForm(t("changeEmail"),
    () => field(t("newEmail"), "email", { type: "email", defaultValue: me.email }),
    async ({ email }) => ({ email }),
  );

const openPassword = () =>
  openAccountForm(t("changePassword"),
    () => passwords.newPasswordField(t("newPassword")),
    async ({ password }) => ({ password: await passwords.encode(password) }),
  );

function appearance() {
  const themes = { auto: t("themeAuto"), light: t("themeLight"), dark: t("themeDark") };
  return card(t("appearance"),
    h("div.setting", t("language"), languageSwitch()),
    h("div.setting", t("theme"), segments(t("theme"), theme(), setTheme, themes)),
  );
}

export const languageSwitch = () =>
  segments(t("language"), language, setLanguage, { zh: "中文", en: "English" });

/**
 * A choice of one of some values.
 * @template {string} Value
 * @param {string} label
 * @param {string} chosen
 * @param {(value: Value) => any} choose
 * @param {Record<Value, string>} labels
 */
function segments(label, chosen, choose, labels) {
  const option = (/** @type {Value} */ value) => {
    const onClick = () =>
      attempt(async () => {
        await choose(value);
        change();
      });
    return h("button", { "aria-pressed": String(chosen === value), onClick }, labels[value]);
  };
  const values = /** @type {Value[]} */ (Object.keys(labels));
  return h("div.segments", { role: "group", "aria-label": label }, values.map(option));
}

// --- Sessions ---

async function loadSessions() {
  const answer = await api.get("/account/sessions").catch(() => null);
  sessions = answer?.sessions ?? null;
  change();
}

const endSessions = (/** @type {Record<string, any>} */ which) =>
  attempt(async () => {
    await api.del("/account/sessions", which);
    await loadSessions();
  }, t("signedOutThere"));

const sessionList = () =>
  sessions &&
  card(t("sessions"),
    h("ul.plain-list", sessions.map(sessionItem)),
    sessions.length > 1 &&
      button(t("signOutOthers"), () => endSessions({ others: true }), undefined, "wide"),
  );

const sessionItem = (/** @type {any} */ { id, device, address, created_at, current }) =>
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
    button(t("downloadData"), downloadData, "down"),
    button(t("anotherAccount"), session.useOwnWindow, "window"),
    button(t("signOut"), signOut, "logout"),
    button(t("deleteAccount"), deleteAccount, "trash", "danger-text"),
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
  const remove = () => leave(() => api.del("/account/delete"));
  await confirm(title, t("deleteAccountText"), title, remove);
}
