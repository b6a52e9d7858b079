// How the page looks, kept while the tab is open.

const KEY = "metafacs-look";
const START = { rows: "lines", experimental: false, boxes: true, names: true, landmarks: true };

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const values = { ...START, ...remembered() };
const listeners = new EventTarget();

/** What is chosen: look.rows is "lines" or "strips"; the others are true or false. Setting one tells those who listen. */
export const look = new Proxy(values, {
  set(target, name, value) {
    target[name] = value;
    sessionStorage.setItem(KEY, JSON.stringify(target));
    listeners.dispatchEvent(new Event("change"));
    return true;
  },
});

/** Call an action at every change until the signal ends it. */
export function onLook(action, signal) {
  listeners.addEventListener("change", action, { signal });
}
