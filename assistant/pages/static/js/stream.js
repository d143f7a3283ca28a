// Server-sent events over fetch: the first connection can say where it left off, and every refusal is seen.
import { goToSignIn } from "./api.js";

const LONGEST_WAIT = 8000;

/**
 * Follows a run. `onEvent({seq, kind, data})` is called once for each number above `after`;
 * `onState("open"|"lost"|"gone"|"ended")` tells about the connection. `onEvent` answers true when nothing more can come.
 * Returns a function that stops following.
 */
export function follow(run, after, onEvent, onState) {
  const stop = new AbortController();
  let last = after;
  let failures = 0;

  async function connect() {
    const response = await fetch(`/api/v1/runs/${run}/events`, {
      headers: { Accept: "text/event-stream", "Last-Event-ID": String(last) },
      signal: stop.signal,
      cache: "no-store",
    });
    if (response.status === 401) { goToSignIn(); return true; }
    if (response.status === 403 || response.status === 404) { onState("gone"); return true; }
    if (response.status === 204) { onState("ended"); return true; } // over, and all of it was seen before
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    onState("open");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = createParser();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return false;
      for (const message of parser.feed(value)) {
        if (message.event === "problem") throw new Error("problem"); // a part failed: come back for the same number
        failures = 0;
        const seq = Number(message.id) || last + 1;
        if (seq <= last) continue;
        last = seq;
        if (onEvent({ seq, kind: message.event, data: JSON.parse(message.data || "{}") })) {
          reader.cancel().catch(() => undefined); // the server may have closed it already
          return true;
        }
      }
    }
  }

  async function keepConnected() {
    while (!stop.signal.aborted) {
      try {
        if (await connect()) return;
      } catch {
        if (stop.signal.aborted) return;
        onState("lost");
      }
      failures += 1;
      await pause(Math.min(LONGEST_WAIT, 250 * 2 ** failures), stop.signal);
    }
  }

  keepConnected();
  return () => stop.abort();
}

/** Cuts any chunking of a stream into messages. */
export function createParser() {
  let buffer = "";
  let message = { event: "message", data: [], id: "" };
  return {
    feed(chunk) {
      buffer += chunk;
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      const messages = [];
      for (const line of lines) {
        if (line === "") {
          if (message.data.length) messages.push({ ...message, data: message.data.join("\n") });
          message = { event: "message", data: [], id: message.id };
          continue;
        }
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (name === "data") message.data.push(value);
        else if (name === "event") message.event = value;
        else if (name === "id") message.id = value;
      }
      return messages;
    },
  };
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish() {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    }
    window.addEventListener("online", finish);
    signal.addEventListener("abort", finish);
  });
}
