// The operator's interface: one page, whose parts are found by what is behind the #.
import { effect } from "@preact/signals";
import { render } from "preact";
import { refresh, run } from "./live";
import { followAddress } from "./route";
import { access, enter } from "./session";
import { Shell } from "./shell";

followAddress();
void enter();

// The connection lives as long as the reader is signed in.
effect(() => {
  if (access.value !== "in") return;
  const stop = new AbortController();
  refresh().catch(() => undefined);
  void run(stop.signal);
  return () => stop.abort();
});

const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<Shell />, place);
}
