// The watch page of one stream, whose path is the page's own. ?embed shows the picture
// alone, ?layer=low plays that layer.
import { type Stats, WeirPlayer } from "./weir-player";

declare global {
  interface Window {
    weir?: { stats: () => Stats | null };
  }
}

const path = decodeURIComponent(location.pathname).replace(/^\/|\/$/g, "");
document.title = `${path} · weir`;
(document.getElementById("path") as HTMLElement).textContent = path;

const player = new WeirPlayer();
player.setAttribute("src", location.pathname);
player.setAttribute("hotkeys", "");
const query = new URLSearchParams(location.search);
player.setAttribute("layer", query.get("layer") ?? "");
if (query.has("embed")) {
  document.body.classList.add("embed");
  player.setAttribute("bare", "");
}
player.addEventListener("weir-change", () => (document.body.dataset.state = player.state));
window.weir = { stats: () => player.stats() };
document.querySelector("main")?.replaceChildren(player);
