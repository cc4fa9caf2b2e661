// The watch page of one stream, whose path is the page's own. ?embed shows the picture
// alone, ?layer=low plays that layer, ?token=… is shown to the server.
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
player.token = query.get("token") ?? query.get("jwt") ?? history.state?.token ?? "";
// What lets us in is no part of an address that people copy: a link has become a cookie with
// the answer that brought this page, and a token is the player's from now on, and that of
// the page if it is loaded again.
const secrets = ["token", "jwt", "exp", "kid", "sig", "prefix", "ip"];
if (secrets.some((name) => query.has(name))) {
  secrets.forEach((name) => query.delete(name));
  history.replaceState({ token: player.token }, "", location.pathname + (query.size > 0 ? `?${query}` : "") + location.hash);
}
player.setAttribute("layer", query.get("layer") ?? "");
if (query.has("embed")) {
  document.body.classList.add("embed");
  player.setAttribute("bare", "");
}
player.addEventListener("weir-change", () => (document.body.dataset.state = player.state));
window.weir = { stats: () => player.stats() };
document.querySelector("main")?.replaceChildren(player);
