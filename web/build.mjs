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
  entryPoints: [...pages.map((page) => `src/${page}.ts`), "src/weir-player.ts", "src/style.css", "src/icon.svg"],
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

// Its licence asks that hls.js be accompanied by it.
await copyFile("node_modules/hls.js/LICENSE", "dist/assets/hls.js-LICENSE.txt");

for (const path of built.values()) {
  const content = await readFile(`dist${path}`);
  await writeFile(`dist${path}.gz`, gzipSync(content, { level: 9 }));
  console.log(`${path} ${content.length} bytes`);
}
