// Which page is shown: the part of the address behind #. The set-up link is
// /setup#token=….
import { signal } from "@preact/signals";

export interface Route { page: string; args: string[] }

export function parse(pathname: string, hash: string): Route {
  if (pathname.replace(/\/$/, "") === "/setup") return { page: "setup", args: [new URLSearchParams(hash.slice(1)).get("token") ?? ""] };
  const [page = "", ...args] = hash.replace(/^#?\/?/, "").split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page: page || "overview", args };
}

export const route = signal<Route>(parse(location.pathname, location.hash));

// link is the address of a page: link("streams", "live/studio", "graph").
export function link(page: string, ...args: string[]): string {
  return `${location.pathname.replace(/\/$/, "") === "/setup" ? "/" : ""}#/${[page, ...args].map(encodeURIComponent).join("/")}`;
}

export function go(page: string, ...args: string[]): void {
  location.href = link(page, ...args);
}

export function followAddress(): void {
  addEventListener("hashchange", () => {
    route.value = parse(location.pathname, location.hash);
  });
}
