/** The delay before a retry. */

/**
 * Exponential backoff with jitter.
 * @param {number} attempt 0 for the first
 * @param {number} random from 0 to 1
 */
export const backoff = (attempt, random) =>
  Math.min(15_000, 500 * 2 ** attempt) * (0.5 + random / 2);

export const pause = (/** @type {number} */ ms) => new Promise((resume) => setTimeout(resume, ms));
