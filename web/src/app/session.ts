// Who the reader is, and what the server says of itself.
import { signal } from "@preact/signals";
import { get, Problem, type Scope, send, type Server, type Session } from "./api";

export const session = signal<Session | null>(null);
export const server = signal<Server | null>(null);
export const access = signal<"asking" | "in" | "out" | "unreachable">("asking");

const order: Scope[] = ["read", "operate", "configure", "admin"];

// may says whether the reader may do what needs a scope. The server decides in the end.
export function may(scope: Scope): boolean {
  return order.indexOf(session.value?.scope ?? "read") >= order.indexOf(scope);
}

export async function enter(): Promise<void> {
  try {
    session.value = await get<Session>("/session");
    server.value = await get<Server>("/server");
    access.value = "in";
  } catch (error) {
    access.value = error instanceof Problem && (error.status === 401 || error.status === 403) ? "out" : "unreachable";
  }
}

export async function signIn(user: string, password: string): Promise<void> {
  await send("POST", "/session", { user, password });
  await enter();
}

export async function signOut(): Promise<void> {
  await send("DELETE", "/session");
  session.value = null;
  access.value = "out";
}
