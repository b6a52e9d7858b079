// Plays a video, or shows its frames one by one where the browser cannot, and tells which time is on the screen.

import { el } from "./dom.js";
import { placeOf } from "./tracks.js";

export class Player extends EventTarget {
  /** @param {import("./analysis.js").Analysis} analysis */
  constructor(analysis) {
    super();
    this.analysis = analysis;
    this.time = 0;
    this.speed = 1;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.image = null;
    // A camera's pictures are not kept: there is time, and nothing to look at.
    this.blind = analysis.file.kind === "camera";
    this.video = this.blind ? null : el("video", { src: `/api/files/${analysis.id}/media`, "aria-label": analysis.file.name, playsinline: true, preload: "auto" });
    this.element = el("div", { class: "screen", hidden: this.blind }, this.video, this.canvas);
    if (this.video) this.listen();
  }

  close() {
    this.pause();
    this.closed = true;
    this.video?.removeAttribute("src");
    this.video?.load();
  }

  listen() {
    const { video } = this;
    video.addEventListener("error", () => !this.closed && this.showFrames());
    video.addEventListener("loadedmetadata", () => {
      // Sound alone is played of formats whose pictures are not.
      if (!video.videoWidth) this.showFrames();
      else this.tell("length");
    });
    for (const name of ["play", "pause", "ended", "volumechange"]) video.addEventListener(name, () => this.tell("state"));
    const shown = (now, { mediaTime }) => {
      if (this.closed || !this.video) return;
      // While it seeks, a frame on the screen is of the place before.
      if (!video.seeking) this.moved(mediaTime);
      video.requestVideoFrameCallback(shown);
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(shown);
    else this.followClock();
    video.addEventListener("seeked", () => !video.seeking && this.moved(video.currentTime));
  }

  /** Ask for the time before every painting, in browsers that do not tell which frame they show. */
  followClock() {
    if (this.closed || !this.video) return;
    if (this.playing) this.moved(this.video.currentTime);
    requestAnimationFrame(() => this.followClock());
  }

  /** Go on with pictures of the frames. */
  showFrames() {
    if (!this.video) return;
    this.video = null;
    this.image = el("img", { alt: this.analysis.file.name, decoding: "async" });
    this.image.onload = this.image.onerror = () => {
      this.loading = false;
      if (this.wanted !== this.shownFrame) this.loadFrame();
    };
    this.element.replaceChildren(this.image, this.canvas);
    this.tell("frames");
    this.seek(this.time);
  }

  tell(kind) {
    this.dispatchEvent(new Event(kind));
  }

  moved(time) {
    this.time = time;
    this.tell("time");
  }

  get length() {
    const { file, tracks } = this.analysis;
    const read = tracks?.length ? tracks.endOf(tracks.length - 1) : 0;
    const played = this.video && Number.isFinite(this.video.duration) ? this.video.duration : 0;
    return Math.max(file.seconds ?? 0, read, played);
  }

  get playing() {
    return this.video ? !this.video.paused && !this.video.ended : Boolean(this.timer);
  }

  /** Return when the frames are shown that are known so far. */
  get times() {
    return this.analysis.tracks?.times.view() ?? [];
  }

  play() {
    if (this.video) this.video.play().catch(() => this.tell("state"));
    else {
      let before = performance.now();
      if (this.time >= this.length - 0.01) this.seek(0);
      this.timer = setInterval(() => {
        const now = performance.now();
        this.seek(this.time + ((now - before) / 1000) * this.speed);
        before = now;
        if (this.time >= this.length) this.pause();
      }, 40);
    }
    this.tell("state");
  }

  pause() {
    if (this.video) this.video.pause();
    clearInterval(this.timer);
    this.timer = null;
    this.tell("state");
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.video) this.video.playbackRate = speed;
  }

  seek(time) {
    const place = Math.min(Math.max(time, 0), this.length);
    if (this.video) {
      // A little into the frame: players round, and would show the one before.
      this.video.currentTime = Math.min(place + 0.001, this.length);
      this.moved(place);
    } else {
      this.moved(place);
      if (this.blind) return;
      this.wanted = this.frame;
      if (!this.loading) this.loadFrame();
    }
  }

  /** Return the number of the frame on the screen. */
  get frame() {
    const place = Math.max(0, placeOf(this.times, this.time + 0.0005));
    return this.analysis.tracks?.length ? this.analysis.tracks.numbers.array[place] : 0;
  }

  /** Load the frame that is wanted, once one has been read at all. */
  loadFrame() {
    if (!this.analysis.tracks?.length) return;
    this.loading = true;
    this.shownFrame = this.wanted;
    this.image.src = `/api/files/${this.analysis.id}/frames/${this.wanted}.jpg`;
  }

  /** Show the first frame as soon as there is one. */
  refresh() {
    if (this.image && this.shownFrame === undefined && !this.loading) this.seek(this.time);
  }

  /** Go to the next or the previous frame that was read. */
  step(frames) {
    this.pause();
    const { times } = this;
    if (!times.length) return;
    const place = placeOf(times, this.time + 0.0005) + frames;
    this.seek(times[Math.min(Math.max(place, 0), times.length - 1)]);
  }
}
