// One event stream for all tabs of this browser: it is opened with the first tab and closed with the last. Where workers
// cannot be shared, each tab has one of its own.
// Tabs say "hi" and "bye"; they are told ["up"], ["down"], ["event", json] and ["observed", json].

/** A stream says something every ten seconds. After this silence its network is gone, even if nobody has said so. */
const SILENCE = 30_000;
const ports = new Set();
let source = null;
let up = false;
let silence;

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function heard() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    lost();
    close();
    open();
  }, SILENCE);
}

function lost() {
  up = false;
  tell(["down"]);
}

function close() {
  clearTimeout(silence);
  source?.close();
  source = null;
  up = false;
}

function open() {
  source = new EventSource("/api/events");
  for (const kind of ["event", "observed"]) {
    source.addEventListener(kind, (message) => {
      heard();
      tell([kind, message.data]);
    });
  }
  source.addEventListener("alive", heard);
  source.onopen = () => {
    heard();
    up = true;
    tell(["up"]);
  };
  source.onerror = () => {
    lost();
    // The browser resumes by itself after the last event it has seen, unless the answer was no stream at all.
    if (source && source.readyState === EventSource.CLOSED) {
      close();
      setTimeout(() => ports.size > 0 && !source && open(), 2000 + Math.random() * 2000);
    }
  };
  // It may never be answered.
  heard();
}

function serve(port) {
  port.onmessage = (message) => {
    if (message.data === "bye") {
      ports.delete(port);
      if (ports.size === 0) close();
    } else {
      ports.add(port);
      if (source) port.postMessage([up ? "up" : "down"]);
      else open();
    }
  };
}

if ("onconnect" in self) onconnect = (connection) => serve(connection.ports[0]);
else serve(self);
