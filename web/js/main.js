/** The entry point: load the settings of the installation, then render the page. */

import { start } from "./actions/connection.js";
import { get } from "./api.js";
import { render } from "./dom.js";
import { setLanguage, language } from "./i18n.js";
import { startRouter } from "./router.js";
import * as session from "./session.js";
import { change, draw, state, subscribe } from "./store.js";
import { applyTheme } from "./theme.js";
import { app } from "./views/app.js";
import { afterDraw, beforeDraw } from "./views/conversation.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

setLanguage(language);
applyTheme();
startRouter();
try {
  change({ config: { ...state.config, ...(await get("/web/config.json")) } });
} catch {
  // Without the settings, passwords are sent unencrypted, and the server rejects them if necessary.
}
subscribe(() => {
  beforeDraw();
  render(root, app());
  afterDraw();
});
draw();
if (session.userId() !== null) start();
