/** The beginning: ask what this installation is like, then show it. */

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
  // Without it, passwords go as they are, and the server says what it does not take.
}
subscribe(() => {
  beforeDraw();
  render(root, app());
  afterDraw();
});
draw();
if (session.userId() !== null) start();
