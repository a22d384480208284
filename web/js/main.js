/** The entry point: load the configuration and the texts, then render the page. */

import { start } from "./actions/connection.js";
import { get } from "./api.js";
import { render } from "./dom.js";
import { setLanguage, language } from "./i18n.js";
import { startRouter } from "./router.js";
import * as session from "./session.js";
import { change, draw, state, subscribe } from "./store.js";
import { setTheme, theme } from "./theme.js";
import { app } from "./views/app.js";
import { afterDraw, beforeDraw } from "./views/conversation.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

setTheme(theme());
startRouter();
// Without a configuration, passwords are sent in plaintext, which the server may refuse.
const [config] = await Promise.all([
  get("/web/config.json").catch(() => state.config),
  setLanguage(language),
]);
change({ config });
subscribe(() => {
  beforeDraw();
  render(root, app());
  afterDraw();
});
draw();
if (session.userId() !== null) start();
