// One event stream for all tabs of this browser: it is opened with the first tab and closed with the last.
// Tabs say "hi" and "bye"; they are told ["up"], ["down"], ["event", json] and ["observed", json].
const ports = new Set();
let source = null;
let up = false;

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function open() {
  source = new EventSource("/api/events");
  source.addEventListener("event", (message) => tell(["event", message.data]));
  source.addEventListener("observed", (message) => tell(["observed", message.data]));
  source.onopen = () => {
    up = true;
    tell(["up"]);
  };
  source.onerror = () => {
    up = false;
    tell(["down"]);
    // The browser resumes by itself after the last event it has seen, unless the answer was no stream at all.
    if (source && source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => ports.size > 0 && !source && open(), 2000 + Math.random() * 2000);
    }
  };
}

onconnect = (connection) => {
  const port = connection.ports[0];
  port.onmessage = (message) => {
    if (message.data === "bye") {
      ports.delete(port);
      if (ports.size === 0 && source) {
        source.close();
        source = null;
        up = false;
      }
    } else {
      ports.add(port);
      if (source) port.postMessage([up ? "up" : "down"]);
      else open();
    }
  };
};
