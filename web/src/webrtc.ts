// Plays a stream by WebRTC until it cannot go on. That media flow is measured by
// what arrives, not by what ICE believes.
import { delay } from "./delay";
import { type Figures, Whep } from "./whep";

const reachWithin = 1200; // ms from the answer until the server is reached at all
const mediaWithin = 2500; // ms to the first picture
const pictureWithin = 5000; // the same, if media arrive: a key frame may be on its way
const stalledAfter = 1500; // ms without a new picture
const brokenAfter = 4000; // ms without one on a broken connection
const giveUpAfter = 30000; // ms without one on a connection that stands
const glance = 100; // ms between looks, until media flow
const look = 500; // the same from then on

// Silence is a session in which no media arrive.
export class Silence extends Error {}

export type WebRTCEnd = "broken" | "stopped";

export class WebRTCPlayback {
  figures: Figures | null = null;
  private progress = -1;
  private progressAt = performance.now();

  private constructor(readonly whep: Whep) {}

  // connect returns once media flow. show is told as soon as there is something
  // that may be shown. It throws a Refusal, a Silence, or what fetch throws.
  static async connect(whep: Whep, stop: AbortSignal, show: (stream: MediaStream) => void): Promise<WebRTCPlayback> {
    const began = performance.now();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Silence("no answer")), mediaWithin);
    const stopped = () => late.abort(stop.reason);
    stop.addEventListener("abort", stopped);
    try {
      await whep.open(late.signal);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", stopped);
    }
    show(whep.stream);
    const answered = performance.now();
    const playback = new WebRTCPlayback(whep);
    for (;;) {
      await delay(glance, stop);
      const figures = await playback.measure();
      if (playback.progress > 0) return playback;
      const patience = figures.bytes > 0 ? pictureWithin : mediaWithin;
      const now = performance.now();
      const unreached = !whep.reached && now - answered > reachWithin;
      if (stop.aborted || whep.ended || unreached || now - began > patience) {
        whep.close();
        throw new Silence("no media arrive");
      }
    }
  }

  // follow returns when it is over. stalled is told whenever media stop or flow again.
  async follow(stop: AbortSignal, stalled: (now: boolean) => void): Promise<WebRTCEnd> {
    try {
      let standing = false;
      while (!stop.aborted) {
        await delay(look, stop);
        await this.measure();
        const still = performance.now() - this.progressAt;
        if (this.whep.ended || still > giveUpAfter || (still > brokenAfter && !this.whep.connected)) return "broken";
        if (still > stalledAfter !== standing) stalled((standing = !standing));
      }
      return "stopped";
    } finally {
      this.whep.close();
    }
  }

  private async measure(): Promise<Figures> {
    const figures = await this.whep.measure();
    const progress = this.whep.wants("video") ? figures.frames : figures.audioPackets;
    if (progress > this.progress) {
      this.progress = progress;
      this.progressAt = performance.now();
    }
    return (this.figures = figures);
  }
}
