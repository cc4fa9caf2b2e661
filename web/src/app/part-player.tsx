// The player, which is the same as on the watch page.
import { createElement } from "preact";
import "../weir-player";

export function Player({ path }: { path: string }) {
  return createElement("weir-player", { src: `/${path.split("/").map(encodeURIComponent).join("/")}`, muted: true } as object);
}
