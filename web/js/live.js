/** A websocket that reconnects. Its frames are hints; see docs/live.md. */

import { backoff } from "./backoff.js";

const TOKEN_ENDED = 4401;
const TOO_MANY_SOCKETS = 4429;

/** @type {Surroundings} */
const BROWSER = {
  connect: (url, protocols) => new WebSocket(url, protocols),
  setTimer: (callback, ms) => setTimeout(callback, ms),
  clearTimer: (timer) => clearTimeout(timer),
  random: Math.random,
};

export class Live {
  /**
   * @param {string} url
   * @param {() => string[]} protocols
   * @param {LiveHandlers} handlers
   * @param {Surroundings} surroundings
   */
  constructor(url, protocols, handlers, surroundings = BROWSER) {
    this.url = url;
    this.protocols = protocols;
    this.handlers = handlers;
    this.surroundings = surroundings;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.attempt = 0;
    /** @type {any} */
    this.timer = null;
    this.isStopped = true;
  }

  start() {
    this.isStopped = false;
    this.attempt = 0;
    this.#connect();
  }

  /** The network is back: connect without a delay. */
  hurry() {
    if (this.isStopped || this.socket?.readyState === 1) return;
    this.attempt = 0;
    this.#connect();
  }

  /** The network is gone: the socket is of no use. */
  lose() {
    if (this.isStopped) return;
    this.#drop();
    this.#retry();
  }

  #drop() {
    this.surroundings.clearTimer(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  #connect() {
    this.#drop();
    this.handlers.onState("connecting");
    const socket = this.surroundings.connect(this.url, this.protocols());
    this.socket = socket;
    let wasOpen = false;
    socket.onopen = () => {
      if (socket !== this.socket) return;
      wasOpen = true;
      this.attempt = 0;
      this.handlers.onState("online");
      this.handlers.onOpen();
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.handlers.onFrame(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      this.socket = null;
      if (event.code === TOKEN_ENDED) return this.handlers.onEnded();
      if (event.code === TOO_MANY_SOCKETS) {
        this.isStopped = true;
        return this.handlers.onState("too-many");
      }
      if (!wasOpen) this.handlers.onRefused();
      this.#retry();
    };
  }

  #retry() {
    if (this.isStopped) return;
    this.handlers.onState("offline");
    const pause = backoff(this.attempt++, this.surroundings.random());
    this.timer = this.surroundings.setTimer(() => this.#connect(), pause);
  }
}
