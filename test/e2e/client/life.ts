// The whole life of a pipeline against a real server, by a client that is generated from
// the document that describes the API.
//
//   node life.js http://server openapi.json set-up-token rtmp-port clip

import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import createClient from "openapi-fetch";
import { Judge, type Document } from "./judge.js";
import type { paths } from "./schema.js";

const [, , at = "", file = "", setup = "", port = "", clip = ""] = process.argv;
const document = JSON.parse(readFileSync(file, "utf8")) as Document;
const judge = new Judge(document);
const open = (headers: Record<string, string> = {}) => {
  const client = createClient<paths>({ baseUrl: at, headers });
  client.use(judge.looking);
  return client;
};

function must<T>(answer: { data?: T; error?: unknown; response: Response }, what: string, status: number): T {
  if (answer.response.status !== status) throw new Error(`${what}: ${answer.response.status}, not ${status}: ${JSON.stringify(answer.error)}`);
  return answer.data as T;
}

function refused(answer: { error?: unknown; response: Response }, what: string, status: number, code: string) {
  const said = answer.error as { code?: string } | undefined;
  if (answer.response.status !== status || said?.code !== code) throw new Error(`${what}: ${answer.response.status} ${said?.code}, not ${status} ${code}`);
}

function expect(what: string, is: boolean) {
  if (!is) throw new Error(`not so: ${what}`);
}

async function until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  for (let n = 0; n < 300; n++) {
    const got = await ask();
    if (got) return got;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`it never happened: ${what}`);
}

// publish sends the clip over and over.
function publish(path: string, key: string): ChildProcess {
  return spawn("ffmpeg", ["-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv", `rtmp://127.0.0.1:${port}/${path}?key=${key}`], { stdio: "ignore" });
}

const over = (p: ChildProcess) => new Promise<void>((done) => (p.exitCode !== null || p.signalCode !== null ? done() : p.once("exit", () => done())));

// listen gathers the events of a feed, of which each has an id.
async function listen(client: ReturnType<typeof open>, topics: string, after?: string) {
  const abort = new AbortController();
  const { response, data } = await client.GET("/v1/events", {
    params: { query: { topics }, header: after ? { "Last-Event-ID": after } : {} }, parseAs: "stream", signal: abort.signal,
  });
  must({ data, response }, "listen to events", 200);
  const events: { id: string; type: string; stream?: string }[] = [];
  const reading = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of data as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const line = part.split("\n").find((l) => l.startsWith("data:"));
        if (line && part.includes("id:")) events.push(JSON.parse(line.slice(5)));
      }
    }
  })().catch(() => undefined);
  return { events, close: async () => { abort.abort(); await reading; } };
}

const path = { stream: "show/studio" };
const children: ChildProcess[] = [];

async function life() {
  // The first user, his session, and a token for all that follows.
  const nobody = open();
  expect("a new server wants to be set up", must(await nobody.GET("/v1/server"), "server", 200).setup_needed);
  refused(await nobody.POST("/v1/setup", { body: { token: "wrong", user: "ann", password: "correct horse" } }), "set up with a wrong token", 401, "credentials_wrong");
  must(await nobody.POST("/v1/setup", { body: { token: setup, user: "ann", password: "correct horse" } }), "set up", 200);
  refused(await nobody.GET("/v1/streams"), "ask without credentials", 401, "credentials_missing");
  refused(await nobody.POST("/v1/session", { body: { user: "ann", password: "wrong" } }), "sign in wrongly", 401, "credentials_wrong");
  const signedIn = await nobody.POST("/v1/session", { body: { user: "ann", password: "correct horse" } });
  must(signedIn, "sign in", 200);
  const Cookie = (signedIn.response.headers.get("Set-Cookie") ?? "").split(";")[0] ?? "";
  const ann = open({ Cookie });
  expect("it is Ann", must(await ann.GET("/v1/session"), "session", 200).name === "user:ann");
  const header = { "Idempotency-Key": "the token of the life" };
  const tokens = await Promise.all([0, 1].map(async () => {
    for (;;) { // the second may come while the first is being worked on
      const answer = await ann.POST("/v1/tokens", { params: { header }, body: { name: "life", scopes: ["admin"] } });
      if (answer.response.status !== 409) return must(answer, "make a token", 201);
    }
  }));
  expect("an Idempotency-Key makes one token", tokens[0]!.secret === tokens[1]!.secret);
  refused(await ann.POST("/v1/tokens", { params: { header }, body: { name: "other", scopes: ["read"] } }), "use an Idempotency-Key again", 422, "idempotency_key_reused");
  const weir = open({ Authorization: `Bearer ${tokens[0]!.secret}` });
  must(await open({ Cookie }).DELETE("/v1/session"), "sign out", 204);
  refused(await ann.GET("/v1/session"), "ask after signing out", 401, "credentials_missing");
  refused(await open({ Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }).DELETE("/v1/session"), "sign out from elsewhere", 403, "cross_origin");

  // What there is.
  expect("there is an HTTP listener", must(await weir.GET("/v1/server"), "server", 200).addresses.some((a) => a.name === "http"));
  must(await weir.GET("/v1/nodes"), "nodes", 200);
  expect("YouTube is known", must(await weir.GET("/v1/platforms"), "platforms", 200).items.some((p) => p.name === "youtube"));
  expect("stages have schemas", must(await weir.GET("/v1/stages"), "stages", 200).items.every((s) => s.schema !== undefined));
  must(await weir.GET("/v1/config/schema"), "schema", 200);

  // Another configuration.
  const key = { stream: "show/*", name: "studio" };
  const made = must(await weir.POST("/v1/keys", { params: { header: { "Idempotency-Key": "k" } }, body: key }), "make a key", 201);
  expect("the same request makes no other key", must(await weir.POST("/v1/keys", { params: { header: { "Idempotency-Key": "k" } }, body: key }), "make it again", 201).id === made.id);
  const before = await weir.GET("/v1/config");
  const config = must(before, "configuration", 200);
  const etag = before.response.headers.get("ETag") ?? "";
  const yaml = `${config.yaml}
  show/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {grace: 30s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
`;
  expect("what is wrong is said", must(await weir.POST("/v1/config/validate", { body: { yaml: yaml.replace("outputs/hls", "outputs/hsl") } }), "validate", 200).problems.length > 0);
  const plan = must(await weir.POST("/v1/config/plan", { body: { yaml } }), "plan", 200);
  expect(`the plan has the new pipeline: ${JSON.stringify(plan)}`, plan.problems.length === 0 && plan.changes.some((c) => c.pipeline === "show/{name}"));
  refused(await weir.PUT("/v1/config", { params: { header: { "If-Match": '"other"' } }, body: { yaml } }), "apply over something else", 412, "changed_meanwhile");
  const applied = must(await weir.PUT("/v1/config", { params: { header: { "If-Match": etag } }, body: { yaml } }), "apply", 200);
  refused(await weir.PUT("/v1/config", { params: { header: { "If-Match": etag } }, body: { yaml } }), "apply it again", 412, "changed_meanwhile");
  refused(await weir.PUT("/v1/config", { body: { yaml: "pipelines: 1" } }), "apply nonsense", 422, "invalid_configuration");
  expect("it is in force", must(await weir.GET("/v1/config"), "configuration", 200).version === applied.version);
  expect("the pipeline is there", must(await weir.GET("/v1/pipelines"), "pipelines", 200).items.some((p) => p.id === "show/{name}"));
  must(await weir.GET("/v1/pipelines/{id}", { params: { path: { id: "show/{name}" } } }), "the pipeline", 200);
  expect("its graph is known", must(await weir.GET("/v1/pipelines/{id}/graph", { params: { path: { id: "show/{name}" } } }), "its graph", 200).nodes.some((n) => n.use === "outputs/hls"));

  // Somebody listens, in both ways.
  const received: { type: string }[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => { received.push(JSON.parse(body)); response.writeHead(204).end(); });
  });
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
  const hooks = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const hook = must(await weir.POST("/v1/webhooks", { params: { header: { "Idempotency-Key": "w" } }, body: { url: hooks, events: ["stream.*"] } }), "make a webhook", 201);
  expect("the same request makes no other", must(await weir.POST("/v1/webhooks", { params: { header: { "Idempotency-Key": "w" } }, body: { url: hooks, events: ["stream.*"] } }), "make it again", 201).id === hook.id);
  const one = { params: { path: { id: hook.id } } };
  const tested = must(await weir.POST("/v1/webhooks/{id}/test", one), "test the webhook", 200);
  expect("the test is delivered", tested.status === 204 && received.some((e) => e.type === "webhook.test"));
  const feed = await listen(weir, "stream.*,output.*");

  // The stream.
  let publisher = publish("show/studio", made.secret);
  children.push(publisher);
  const stream = await until("the stream has a picture", async () => {
    const { data } = await weir.GET("/v1/streams/{stream}", { params: { path } });
    return data?.has_still && data;
  });
  expect("it is what is published", stream.summary.startsWith("H.264") && stream.pipeline === "show/{name}");
  expect("it is listed", must(await weir.GET("/v1/streams"), "streams", 200).items.some((s) => s.path === path.stream));
  await until("stream.started is heard", async () => feed.events.some((e) => e.type === "stream.started" && e.stream === path.stream));
  await until("the webhook is told", async () => received.some((e) => e.type === "stream.started"));
  const last = feed.events.at(-1)!.id;
  await feed.close();
  await until("units flow over its edges", async () => {
    const graph = must(await weir.GET("/v1/streams/{stream}/graph", { params: { path } }), "graph", 200);
    return graph.live && graph.edges.some((e) => e.units_per_second > 0);
  });
  must(await weir.GET("/v1/streams/{stream}/stages/{stage}", { params: { path: { ...path, stage: "cam" } } }), "stage", 200);
  const still = await weir.GET("/v1/streams/{stream}/still", { params: { path }, parseAs: "arrayBuffer" });
  expect("there is a still", (must(still, "still", 200) as unknown as ArrayBuffer).byteLength > 1000);

  // An output: added, retargeted, stopped, started, removed.
  const target = (name: string) => ({ url: `rtmp://127.0.0.1:${port}/target`, key: `${name}?key=life-target-key-41` });
  const running = (name: string) => until(`${name} arrives`, async () => (await weir.GET("/v1/streams/{stream}", { params: { path: { stream: name } } })).data);
  const sight = must(await weir.POST("/v1/streams/{stream}/outputs/check", { params: { path }, body: { use: "outputs/rtmp", with: { preset: "facebook", key: "none" } } }), "check an output", 200);
  expect("a platform has judged what arrives", sight.judged && sight.seconds > 0 && sight.findings.every((f) => f.fix !== ""));
  const added = await weir.POST("/v1/streams/{stream}/outputs", { params: { path, header: { "Idempotency-Key": "o" } }, body: { name: "push", use: "outputs/rtmp", with: target("a") } });
  expect("the key is not shown", !JSON.stringify(must(added, "add an output", 201)).includes("life-target-key"));
  refused(await weir.POST("/v1/streams/{stream}/outputs", { params: { path }, body: { name: "push", use: "outputs/rtmp", with: target("a") } }), "add it twice", 409, "name_taken");
  await running("target/a");
  const push = { ...path, name: "push" };
  refused(await weir.PATCH("/v1/streams/{stream}/outputs/{name}", { params: { path: push, header: { "If-Match": '"other"' } }, body: { with: target("b") } }), "retarget another version", 412, "changed_meanwhile");
  must(await weir.PATCH("/v1/streams/{stream}/outputs/{name}", { params: { path: push, header: { "If-Match": added.response.headers.get("ETag") ?? "" } }, body: { with: target("b") } }), "retarget", 200);
  await running("target/b");
  expect("it is stopped", must(await weir.POST("/v1/streams/{stream}/outputs/{name}/stop", { params: { path: push } }), "stop", 200).stopped);
  await until("target/b is left", async () => (await weir.GET("/v1/streams/{stream}", { params: { path: { stream: "target/b" } } })).response.status === 404);
  expect("it is started", !must(await weir.POST("/v1/streams/{stream}/outputs/{name}/start", { params: { path: push } }), "start", 200).stopped);
  await running("target/b");
  expect("it is read", must(await weir.GET("/v1/streams/{stream}/outputs/{name}", { params: { path: push } }), "output", 200).origin === "added");
  expect("it is exported", must(await weir.GET("/v1/config/export"), "export", 200).yaml.includes("push"));
  expect("it is listed", must(await weir.GET("/v1/streams/{stream}/outputs", { params: { path } }), "outputs", 200).items.length === 2);
  must(await weir.DELETE("/v1/streams/{stream}/outputs/{name}", { params: { path: push } }), "remove", 204);

  // A recording: started, told, stopped, listed, played, exported, deleted.
  const probed = must(await weir.POST("/v1/stores/probe", { body: { store: { dir: "recordings" } } }), "probe the store", 200);
  expect("the store can be written", probed.ok && probed.steps.length > 0);
  const started = must(await weir.POST("/v1/streams/{stream}/recordings", { params: { path }, body: {} }), "record", 201);
  must(await weir.POST("/v1/streams/{stream}/stages/{stage}/control", { params: { path: { ...path, stage: started.stage } }, body: { record: true } as never }), "tell a stage", 204);
  refused(await weir.POST("/v1/streams/{stream}/recordings", { params: { path }, body: {} }), "record twice", 409, "recording_already");
  const recording = await until("something is recorded", async () => {
    const { items } = must(await weir.GET("/v1/recordings", { params: { query: { stream: path.stream } } }), "recordings", 200);
    return items.find((r) => r.state === "recording" && r.seconds > 3);
  });
  const id = { params: { path: { id: recording.id } } };
  refused(await weir.DELETE("/v1/recordings/{id}", id), "delete it meanwhile", 409, "under_way");
  must(await weir.POST("/v1/streams/{stream}/recordings/stop", { params: { path } }), "stop recording", 204);
  const complete = await until("the recording is complete", async () => {
    const { data } = await weir.GET("/v1/recordings/{id}", id);
    return data?.state === "complete" && data;
  });
  expect("it has segments", complete.segments > 0 && complete.bytes > 10_000);
  const play = async (file: string) => must(await weir.GET("/v1/recordings/{id}/media/{file}", { params: { path: { id: recording.id, file } }, parseAs: "text" }), file, 200) as unknown as string;
  const [rendition = "", name = ""] = ((await play("index.m3u8")).split("\n").find((l) => l.includes("/") && !l.startsWith("#")) ?? "").split("/");
  const segment = await weir.GET("/v1/recordings/{id}/media/{rendition}/{file}", { params: { path: { id: recording.id, rendition, file: name } }, parseAs: "arrayBuffer" });
  expect("what it names is there", (must(segment, `${rendition}/${name}`, 200) as unknown as ArrayBuffer).byteLength > 0);
  must(await weir.POST("/v1/recordings/{id}/export", id), "export", 202);
  await until("the export is there", async () => (await weir.GET("/v1/recordings/{id}", id)).data?.export?.state === "complete");
  const film = must(await weir.GET("/v1/recordings/{id}/export.mp4", { ...id, parseAs: "arrayBuffer" }), "film", 200) as unknown as ArrayBuffer;
  expect("it is an MP4 file", film.byteLength > 10_000 && new TextDecoder().decode(film.slice(4, 8)) === "ftyp");
  must(await weir.DELETE("/v1/recordings/{id}", id), "delete", 204);
  expect("it is gone", (await weir.GET("/v1/recordings/{id}", id)).response.status === 404);

  // Who is there, and who may be.
  const session = must(await weir.GET("/v1/streams/{stream}/sessions", { params: { path } }), "sessions", 200).items.find((s) => s.publisher)!;
  expect("all sessions have it", must(await weir.GET("/v1/sessions"), "all sessions", 200).items.some((s) => s.id === session.id));
  must(await weir.DELETE("/v1/streams/{stream}/sessions/{session}", { params: { path: { ...path, session: session.id }, query: { reason: "Enough." } } }), "kick", 204);
  await over(publisher);
  const next = must(await weir.POST("/v1/keys/{id}/rotate", { params: { path: { id: made.id } }, body: { overlap_seconds: 0 } }), "rotate the key", 201);
  expect("keys are listed", must(await weir.GET("/v1/keys"), "keys", 200).items.some((k) => k.id === next.id));
  children.push((publisher = publish("show/studio", next.secret)));
  await until("the publisher is back", async () => (await weir.GET("/v1/streams/{stream}/sessions", { params: { path } })).data?.items.some((s) => s.publisher && s.id !== session.id));
  const link = must(await weir.POST("/v1/streams/{stream}/links", { params: { path }, body: { expires_seconds: 600 } }), "link", 201);
  expect("the link is good", (await fetch(link.url)).status === 200);
  const reader = must(await weir.POST("/v1/tokens", { body: { name: "reader", scopes: ["read"], streams: ["other/*"] } }), "make a reader", 201);
  const bound = open({ Authorization: `Bearer ${reader.secret}` });
  refused(await bound.GET("/v1/streams/{stream}", { params: { path } }), "look at another's stream", 403, "forbidden");
  expect("he sees no other's", must(await bound.GET("/v1/streams"), "streams", 200).items.length === 0);
  expect("tokens are listed", must(await weir.GET("/v1/tokens"), "tokens", 200).items.length === 2);
  must(await weir.DELETE("/v1/tokens/{id}", { params: { path: { id: reader.id } } }), "revoke", 204);
  refused(await bound.GET("/v1/streams"), "ask with a revoked token", 401, "credentials_wrong");
  must(await weir.POST("/v1/users", { params: { header: { "Idempotency-Key": "u" } }, body: { name: "bob", password: "battery staple", scope: "operate" } }), "make a user", 201);
  must(await weir.POST("/v1/users", { params: { header: { "Idempotency-Key": "u" } }, body: { name: "bob", password: "battery staple", scope: "operate" } }), "make him again", 201);
  refused(await weir.POST("/v1/users", { body: { name: "bob", password: "battery staple", scope: "operate" } }), "make another Bob", 409, "exists");
  const bob = { params: { path: { id: "bob" } } };
  expect("Bob may do more", must(await weir.PATCH("/v1/users/{id}", { ...bob, body: { scope: "configure" } }), "change a user", 200).scope === "configure");
  expect("users are listed", must(await weir.GET("/v1/users"), "users", 200).items.length === 2);
  must(await weir.DELETE("/v1/users/{id}", bob), "remove a user", 204);

  // What has happened since.
  const later = await listen(weir, "stream.*,output.*,session.*", last);
  await until("what was missed is told", async () => later.events.length > 0);
  expect("only what was missed", later.events.every((e) => e.id > last));
  await later.close();
  expect("the log has it", must(await weir.GET("/v1/events/log", { params: { query: { stream: path.stream, limit: 1000 } } }), "log", 200).items.some((e) => e.type === "stream.started"));
  expect("deliveries are told", must(await weir.GET("/v1/webhooks/{id}/deliveries", one), "deliveries", 200).items.length > 1);
  must(await weir.PATCH("/v1/webhooks/{id}", { ...one, body: { disabled: true } }), "disable the webhook", 200);
  expect("it is disabled", must(await weir.GET("/v1/webhooks/{id}", one), "the webhook", 200).state === "disabled" && must(await weir.GET("/v1/webhooks"), "webhooks", 200).items.length === 1);
  must(await weir.DELETE("/v1/webhooks/{id}", one), "remove the webhook", 204);
  receiver.close();

  // The end.
  must(await weir.DELETE("/v1/streams/{stream}", { params: { path } }), "end the stream", 204);
  await until("the stream ends", async () => (await weir.GET("/v1/streams/{stream}", { params: { path } })).response.status === 404);
  must(await weir.DELETE("/v1/keys/{id}", { params: { path: { id: next.id } } }), "revoke the key", 204);
  const history = must(await weir.GET("/v1/config/history"), "history", 200).items;
  expect("the first configuration is remembered", history.length === 2 && history[0]!.in_force);
  must(await weir.POST("/v1/config/revert", { body: { version: config.version } }), "revert", 200);
  expect("all is as it was", must(await weir.GET("/v1/config"), "configuration", 200).yaml === config.yaml);
  refused(await weir.GET("/v1/pipelines/{id}", { params: { path: { id: "show/{name}" } } }), "look for the pipeline", 404, "no_pipeline");

  // Every operation refuses a token that is none.
  const stranger = open({ Authorization: "Bearer weir_none" });
  for (const [url, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation.security) continue;
      const names = [...url.matchAll(/{(\w+)}/g)].map((m) => [m[1], "x"]);
      const ask = stranger.request as unknown as (method: string, url: string, init: object) => Promise<{ error?: unknown; response: Response }>;
      refused(await ask(method, url, { params: { path: Object.fromEntries(names) } }), `${method} ${url} with a wrong token`, 401, "credentials_wrong");
    }
  }
}

try {
  await life();
  console.log(`${judge.succeeded.size} operations have succeeded, ${judge.failed.size} have failed`);
  for (const wrong of [...judge.wrong, ...judge.missing()]) console.log(wrong);
  if (judge.wrong.length > 0 || judge.missing().length > 0) process.exitCode = 1;
} catch (err) {
  console.log(...judge.wrong);
  console.error(err);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
}
process.exit();
