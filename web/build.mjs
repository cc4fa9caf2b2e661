// Builds dist/: the pages, and below assets/ what they use under names that hold
// a hash of the content, so that they may be cached for ever. Text is also stored
// compressed.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const pages = ["watch", "home"];

for (const name of await readdir("dist")) {
  if (name !== ".gitkeep") await rm(`dist/${name}`, { recursive: true });
}
await mkdir("dist/assets", { recursive: true });

const { metafile } = await build({
  entryPoints: [...pages.map((page) => `src/${page}.ts`), "src/style.css", "src/icon.svg"],
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  bundle: true,
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
  built.set(entryPoint.replace("src/", ""), "/" + out.replace("dist/", ""));
}

for (const page of pages) {
  const html = await readFile(`src/${page}.html`, "utf8");
  const linked = html.replace(/(href|src)="([\w.]+)"/g, (all, attribute, name) => {
    if (!built.has(name)) throw new Error(`${page}.html refers to ${name}, which is not built`);
    return `${attribute}="${built.get(name)}"`;
  });
  await writeFile(`dist/${page}.html`, linked);
}

// Its licence asks that hls.js be accompanied by it.
await copyFile("node_modules/hls.js/LICENSE", "dist/assets/hls.js-LICENSE.txt");

for (const path of built.values()) {
  const content = await readFile(`dist${path}`);
  await writeFile(`dist${path}.gz`, gzipSync(content, { level: 9 }));
  console.log(`${path} ${content.length} bytes`);
}
