// The home page: the streams that run, as the server tells. Names come from
// publishers and are only ever put in as text.
interface Stream {
  path: string;
  state: string;
}

const list = document.getElementById("streams") as HTMLUListElement;
const note = document.getElementById("note") as HTMLElement;

function item(stream: Stream): HTMLLIElement {
  const link = document.createElement("a");
  link.href = "/" + stream.path.split("/").map(encodeURIComponent).join("/");
  link.textContent = stream.path;
  const state = document.createElement("span");
  state.className = "badge";
  state.textContent = stream.state;
  const li = document.createElement("li");
  li.append(link, " ", state);
  return li;
}

let shown = "";

async function refresh(): Promise<void> {
  try {
    const answer = await fetch("/v1/streams?limit=1000", { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const streams = ((await answer.json()) as { items: Stream[] }).items;
    streams.sort((a, b) => a.path.localeCompare(b.path));
    note.textContent = streams.length === 0 ? "No stream is running. One that starts appears here." : "";
    const now = JSON.stringify(streams);
    if (now !== shown) list.replaceChildren(...streams.map(item));
    shown = now;
  } catch {
    note.textContent = "The server cannot be reached. Trying again.";
  }
}

void refresh();
setInterval(() => void refresh(), 2000);
