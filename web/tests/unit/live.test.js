import assert from "node:assert/strict";
import { test } from "node:test";
import { Live } from "../../js/live.js";

/** A network without one: sockets that the test opens, breaks and fills. */
function surroundings() {
  /** @type {any[]} */
  const sockets = [];
  /** @type {{callback: () => void, ms: number}[]} */
  const timers = [];
  /** @type {string[]} */
  const told = [];
  const live = new Live(
    "ws://here/ws/",
    () => ["ims", "token"],
    {
      onOpen: () => told.push("open"),
      onFrame: (frame) => told.push(frame.type),
      onState: (state) => told.push(state),
      onEnded: () => told.push("ended"),
      onRefused: () => told.push("refused"),
    },
    {
      connect: (url, protocols) => {
        /** @type {any} */
        const socket = { url, protocols, readyState: 0, close: () => (socket.readyState = 3) };
        sockets.push(socket);
        return socket;
      },
      setTimer: (callback, ms) => timers.push({ callback, ms }),
      clearTimer: () => {},
      random: () => 1,
    },
  );
  const open = () => {
    const socket = sockets.at(-1);
    socket.readyState = 1;
    socket.onopen();
    return socket;
  };
  return { live, sockets, timers, told, open };
}

test("the token is offered as a subprotocol and stands in no address", () => {
  const { live, sockets } = surroundings();
  live.start();
  assert.deepEqual([sockets[0].url, sockets[0].protocols], ["ws://here/ws/", ["ims", "token"]]);
});

test("frames come through, and what was missed is fetched when the socket is open", () => {
  const { live, told, open } = surroundings();
  live.start();
  open().onmessage({ data: '{"type":"notify"}' });
  assert.deepEqual(told, ["connecting", "online", "open", "notify"]);
});

test("a broken socket is opened again, later each time", () => {
  const { live, sockets, timers } = surroundings();
  live.start();
  for (let i = 0; i < 3; i++) {
    sockets.at(-1).onclose({ code: 1006 });
    timers.at(-1)?.callback();
  }
  assert.deepEqual(timers.map(({ ms }) => ms), [500, 1000, 2000]);
  assert.equal(sockets.length, 4);
});

test("a socket that stood begins again with the shortest pause", () => {
  const { live, sockets, timers, open } = surroundings();
  live.start();
  sockets[0].onclose({ code: 1006 });
  timers[0].callback();
  open().onclose({ code: 1012 });
  assert.equal(timers[1].ms, 500);
});

test("the end of the token ends everything", () => {
  const { live, timers, told, open } = surroundings();
  live.start();
  open().onclose({ code: 4401 });
  assert.deepEqual([told.at(-1), timers.length], ["ended", 0]);
});

test("too many sockets: this one stays closed until the user reconnects", () => {
  const { live, sockets, timers, told, open } = surroundings();
  live.start();
  open().onclose({ code: 4429 });
  live.hurry();
  assert.deepEqual([told.at(-1), timers.length, sockets.length], ["too-many", 0, 1]);
  live.start();
  assert.equal(sockets.length, 2);
});

test("a refused handshake may mean that the token has ended", () => {
  const { live, sockets, told } = surroundings();
  live.start();
  sockets[0].onclose({ code: 1006 });
  assert.ok(told.includes("refused"));
});

test("frames of a socket that was given up are not shown", () => {
  const { live, told, open } = surroundings();
  live.start();
  const socket = open();
  live.lose();
  socket.onmessage({ data: '{"type":"notify"}' });
  assert.equal(told.at(-1), "offline");
});
