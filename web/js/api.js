/** Requests to the server: JSON in, JSON out, and one kind of error. */

import * as session from "./session.js";

const TIMEOUT_MS = 20_000;
const UPLOAD_TIMEOUT_MS = 120_000;

/** Why a request failed. `status` 0: the server could not be reached. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {number} code
   * @param {string} info
   * @param {number} retryAfter seconds, 0 without the header
   */
  constructor(status, code, info, retryAfter = 0) {
    super(info);
    this.status = status;
    this.code = code;
    this.info = info;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get isTemporary() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Called when the server no longer accepts the token. */
export const onSessionEnded = { handle: () => {} };

/**
 * What calls a method. `fields`: the query string of a GET, otherwise the JSON body. The response
 * is returned, or an `ApiError` thrown.
 * @type {(method: string) => (path: string, fields?: Record<string, any>) => Promise<any>}
 */
const caller = (method) => async (path, fields = {}) => {
  const headers = { "Content-Type": "application/json" };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const response = await (method === "GET"
    ? send(query.size ? `${path}?${query}` : path, { method })
    : send(path, { method, headers, body: JSON.stringify(fields) }));
  return response.json();
};

export const get = caller("GET");
export const post = caller("POST");
export const put = caller("PUT");
export const del = caller("DELETE");

/** @param {string} path @param {FormData} form @returns {Promise<any>} */
export async function upload(path, form) {
  const response = await send(path, { method: "POST", body: form }, UPLOAD_TIMEOUT_MS);
  return response.json();
}

/** @param {string} path @returns {Promise<Blob>} */
export async function download(path) {
  const response = await send(path, { method: "GET" }, UPLOAD_TIMEOUT_MS);
  return response.blob();
}

/** @param {string} url @param {RequestInit} init */
async function send(url, init, timeout = TIMEOUT_MS) {
  const headers = { ...init.headers, ...session.authorization() };
  let response;
  try {
    const signal = AbortSignal.timeout(timeout);
    const common = { headers, signal, credentials: /** @type {const} */ ("omit") };
    response = await fetch(url, { ...init, ...common, cache: "no-store" });
  } catch {
    throw new ApiError(0, 0, "Unreachable");
  }
  if (response.ok) return response;
  const { code = -response.status, info = "" } = await response.json().catch(() => ({}));
  if (response.status === 401 && code === -2) onSessionEnded.handle();
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw new ApiError(response.status, code, info, retryAfter);
}
