// Runs the tests of the modules that need no browser: test/*.test.ts, bundled.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const out = await mkdtemp(join(tmpdir(), "weir-web-"));
const names = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
await build({ entryPoints: names.map((name) => `test/${name}`), outdir: out, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, logLevel: "warning" });
const { status } = spawnSync(process.execPath, ["--test", ...names.map((name) => join(out, name.replace(/ts$/, "mjs")))], { stdio: "inherit" });
await rm(out, { recursive: true });
process.exit(status ?? 1);
