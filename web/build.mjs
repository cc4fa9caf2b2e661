// Builds dist/: the pages, and below assets/ what they use under names that hold
// a hash of the content, so that they may be cached for ever. Only weir-player.js,
// which other sites refer to, keeps its name. Text is also stored compressed.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const pages = ["watch", "publish", "home"];

for (const name of await readdir("dist")) {
  if (name !== ".gitkeep") await rm(`dist/${name}`, { recursive: true });
}
await mkdir("dist/assets", { recursive: true });

const { metafile } = await build({
  entryPoints: [...pages.map((page) => `src/${page}.ts`), "src/weir-player.ts", "src/style.css", "src/app.css", "src/icon.svg"],
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: ["es2020"],
  legalComments: "none",
  loader: { ".svg": "copy" },
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  logLevel: "warning",
});

// src/style.css -> assets/style-ABC.css
const built = new Map();
for (const [out, { entryPoint }] of Object.entries(metafile.outputs)) {
  built.set(entryPoint?.replace("src/", "") ?? out, "/" + out.replace("dist/", ""));
}
const player = "/assets/weir-player.js";
await rename(`dist${built.get("weir-player.ts")}`, `dist${player}`);
built.set("weir-player.ts", player);

// parts are what a page's script imports, which its browser need not find out late.
function parts(page) {
  const { imports } = metafile.outputs[`dist${built.get(`${page}.ts`)}`];
  return imports.filter((each) => each.kind === "import-statement").map((each) => "/" + each.path.replace("dist/", ""));
}

for (const page of pages) {
  const html = await readFile(`src/${page}.html`, "utf8");
  const linked = html.replace(/(href|src)="([\w.]+)"/g, (all, attribute, name) => {
    if (!built.has(name)) throw new Error(`${page}.html refers to ${name}, which is not built`);
    return `${attribute}="${built.get(name)}"`;
  }).replace("</head>", `${parts(page).map((part) => `<link rel="modulepreload" href="${part}">\n`).join("")}</head>`);
  await writeFile(`dist/${page}.html`, linked);
}

// loaded are all files that a script needs before it can run.
function loaded(path, all = new Set()) {
  if (all.has(path)) return all;
  all.add(path);
  for (const each of metafile.outputs[path].imports) {
    if (each.kind === "import-statement") loaded(each.path, all);
  }
  return all;
}

// The shell of the operator's interface has a budget; what is large is loaded when wanted.
const budget = 150_000;
let shell = 0;
for (const path of [...loaded(`dist${built.get("home.ts")}`), `dist${built.get("style.css")}`, `dist${built.get("app.css")}`]) {
  shell += gzipSync(await readFile(path), { level: 9 }).length;
}
console.log(`shell ${shell} bytes compressed`);
if (shell > budget) throw new Error(`the shell has ${shell} bytes compressed, more than ${budget}`);

// Their licences ask that the libraries be accompanied by them.
await copyFile("node_modules/hls.js/LICENSE", "dist/assets/hls.js-LICENSE.txt");
for (const name of ["preact", "@preact/signals", "@codemirror/view"]) {
  await copyFile(`node_modules/${name}/LICENSE`, `dist/assets/${name.replace("@", "").replace("/", "-")}-LICENSE.txt`);
}

for (const path of built.values()) {
  const content = await readFile(`dist${path}`);
  await writeFile(`dist${path}.gz`, gzipSync(content, { level: 9 }));
  console.log(`${path} ${content.length} bytes`);
}
