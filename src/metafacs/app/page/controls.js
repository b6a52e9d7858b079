// The buttons below a video, and its keys.

import { button, clock, el, fill, icon, say } from "./dom.js";
import { look, onLook } from "./look.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2];

/** Return the row of buttons for a player; what is drawn over the video is chosen there too. */
export function controls(player, signal) {
  const play = button(say("play"), () => player.toggle(), { bare: true, kind: "main", drawing: "play" });
  const sound = button(say("mute"), () => (player.video.muted = !player.video.muted), { bare: true, drawing: "sound" });
  const slider = el("input", { type: "range", min: "0", step: "0.01", value: "0", "aria-label": say("time"), oninput: () => player.seek(Number(slider.value)) });
  const time = el("output", { class: "clock" });
  const speed = el("select", { "aria-label": say("speed"), onchange: () => player.setSpeed(Number(speed.value)) }, SPEEDS.map((rate) => el("option", { value: rate, ...(rate === 1 ? { selected: true } : {}) }, `${rate}×`)));
  const drawn = ["boxes", "landmarks", "names"].map((what) => {
    const box = el("input", { type: "checkbox", checked: look[what], onchange: () => (look[what] = box.checked) });
    return el("label", { class: "tick" }, box, say(`draw_${what}`));
  });
  const showTime = () => {
    if (document.activeElement !== slider || player.playing) slider.value = player.time;
    slider.setAttribute("aria-valuetext", clock(player.time, 2));
    time.textContent = `${clock(player.time, 2)} / ${clock(player.length, 2)}`;
  };
  const showState = () => {
    const words = say(player.playing ? "pause" : "play");
    fill(play, icon(player.playing ? "pause" : "play"));
    play.setAttribute("aria-label", words);
    play.title = words;
    sound.hidden = !player.video;
    if (!player.video) return;
    const loud = say(player.video.muted ? "unmute" : "mute");
    fill(sound, icon(player.video.muted ? "silent" : "sound"));
    sound.setAttribute("aria-label", loud);
    sound.title = loud;
  };
  const showLength = () => {
    slider.max = player.length;
    showTime();
  };
  player.addEventListener("time", showTime);
  player.addEventListener("state", showState);
  player.addEventListener("frames", showState);
  player.addEventListener("length", showLength);
  onLook(() => player.tell("time"), signal);
  showLength();
  showState();
  const element = el(
    "div",
    { class: "controls", role: "group", "aria-label": say("player") },
    el("div", { class: "buttons" }, button(say("frame_back"), () => player.step(-1), { bare: true, drawing: "back" }), play, button(say("frame_on"), () => player.step(1), { bare: true, drawing: "forward" })),
    slider,
    time,
    el("div", { class: "drawn", hidden: player.blind, role: "group", "aria-label": say("drawn") }, drawn),
    el("div", { class: "buttons" }, speed, sound),
  );
  return { element, update: showLength };
}

/** Where keys mean something else: fields, lists, buttons and dialogs. */
const TAKEN = "input, select, textarea, button, summary, a, dialog";

/**
 * Let keys move a player and the window of its timelines; letters are not used, so that they stay the browser's.
 *
 * @param {HTMLElement} place Keys count while the focus is within it, or nowhere.
 */
export function listenToKeys(place, player, timelines, signal) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      const { target } = event;
      if (target !== document.body && (!place.contains(target) || target.closest(TAKEN))) return;
      const actions = {
        " ": () => player.toggle(),
        ArrowLeft: () => (event.shiftKey ? player.seek(player.time - 1) : player.step(-1)),
        ArrowRight: () => (event.shiftKey ? player.seek(player.time + 1) : player.step(1)),
        Home: () => player.seek(0),
        End: () => player.seek(player.length),
        "+": () => timelines.zoom(0.5),
        "=": () => timelines.zoom(0.5),
        "-": () => timelines.zoom(2),
        0: () => timelines.showWhole(),
      };
      // On the page itself Home and End scroll; they move the playhead only where one has gone into the timeline.
      if (target === document.body && ["Home", "End"].includes(event.key)) return;
      if (!actions[event.key]) return;
      event.preventDefault();
      actions[event.key]();
    },
    { signal },
  );
}
