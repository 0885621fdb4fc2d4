// Runs before the first paint, long before the program is there.
(() => {
  // The chosen theme; without a choice the style sheet follows the system.
  try {
    const theme = { light: "lockstep", dark: "lockstep-dark" }[localStorage.getItem("theme")];
    if (theme) document.documentElement.dataset.theme = theme;
  } catch {}

  // What is pressed or ticked too early is done once the page has taken over.
  const kept = [];
  const types = ["click", "change"];
  const keep = ({ type, target }) => {
    const wanted = type === "click" ? "button[type=button]" : "input, select";
    const element = target.closest?.(wanted);
    if (element) kept.push([type, element, element.checked, element.value]);
  };
  for (const type of types) addEventListener(type, keep, true);
  addEventListener("lockstep:ready", () => {
    for (const type of types) removeEventListener(type, keep, true);
    for (const [type, element, checked, value] of kept) {
      if (!element.isConnected) continue;
      if (type === "click") {
        element.click();
        continue;
      }
      if (element.type === "checkbox") element.checked = checked;
      else element.value = value;
      element.dispatchEvent(new Event(type, { bubbles: true }));
    }
  }, { once: true });
})();
