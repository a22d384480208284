/** Error messages for users. */

import { ApiError } from "./api.js";
import { isKey, t } from "./i18n.js";

/**
 * What went wrong. The key of a text is the `info` of the API's answer or else the status.
 * @param {unknown} error
 */
export function describe(error) {
  if (!(error instanceof ApiError)) return t("errorUnexpected");
  const { status, info, retryAfter: n } = error;
  if (status === 429 && n > 0) {
    return n < 60
      ? t("errorTooManySeconds", { n })
      : t("errorTooManyMinutes", { n: Math.ceil(n / 60) });
  }
  const key = [info, `status ${status}`].find(isKey);
  return t(key ?? "errorUnexpected");
}
