// Keeps a stream published until it is stopped, whatever the network does.
import { delay } from "./delay";
import { Refusal } from "./negotiation";
import { type Sending, Whip } from "./whip";

export type Standing = "idle" | "connecting" | "live" | "waiting" | "failed";

const firstPause = 1000; // ms
const lastPause = 15000;
const answerWithin = 8000; // ms
const soon = 30000; // ms after a close by the server in which another one is final
const hopeless = [400, 401, 403, 404, 405, 406, 413, 415, 422];

export class Broadcast {
  whip: Whip | null = null;
  private closedAt = -Infinity;

  constructor(
    private readonly stream: () => MediaStream, // the present one
    private readonly sending: Sending,
    private readonly tell: (standing: Standing, words: string) => void,
  ) {}

  // run returns when it is stopped or the server will not have it.
  async run(stop: AbortSignal): Promise<void> {
    const leave = () => this.whip?.close(); // a page that goes waits for nothing
    window.addEventListener("pagehide", leave);
    await this.keep(stop);
    window.removeEventListener("pagehide", leave);
  }

  private async keep(stop: AbortSignal): Promise<void> {
    let pause = firstPause;
    while (!stop.aborted) {
      this.tell("connecting", "Connecting…");
      let [words, wait] = ["", pause];
      try {
        if (await this.once(stop)) {
          if (performance.now() - this.closedAt < soon) {
            return this.tell("failed", "The server has ended the session again: somebody else may be publishing this stream.");
          }
          this.closedAt = performance.now();
          words = "The server has ended the session.";
        } else {
          words = "The connection was lost.";
        }
        wait = pause = firstPause;
      } catch (error) {
        if (stop.aborted) break;
        if (error instanceof Refusal && hopeless.includes(error.status)) return this.tell("failed", error.message);
        words = error instanceof Refusal || (error instanceof Error && error.name === "Error") ? error.message : "The server cannot be reached.";
        wait = Math.max(pause, (error instanceof Refusal && error.retryAfter) || 0);
        pause = Math.min(pause * 1.5, lastPause);
      } finally {
        this.whip?.close();
        this.whip = null;
      }
      if (stop.aborted) break;
      this.tell("waiting", `${words} Trying again in ${Math.ceil(wait / 1000)} s.`);
      await delay(wait, stop);
    }
    this.tell("idle", "Stopped.");
  }

  // once publishes until the connection has gone: whether the server closed it.
  private async once(stop: AbortSignal): Promise<boolean> {
    const late = AbortSignal.timeout(answerWithin);
    this.whip = await Whip.open(this.stream(), this.sending, AbortSignal.any([stop, late]));
    this.tell("live", "Live");
    return this.whip.over(stop);
  }
}
