// What may stand at a place of the configuration, by its JSON Schema. Of YAML it knows
// what the configuration is written in: indented keys, and {flow: mappings} in a line.

export interface Schema {
  $ref?: string; type?: string | string[]; description?: string; default?: unknown; enum?: unknown[]; const?: unknown; examples?: unknown[];
  properties?: Record<string, Schema>; additionalProperties?: boolean | Schema; items?: Schema; $defs?: Record<string, Schema>;
  allOf?: Schema[]; anyOf?: Schema[]; oneOf?: Schema[]; if?: Schema; then?: Schema;
}

export interface Place {
  path: string[]; // the keys around
  key: string | null; // whose value is written, or null where a key is
  word: string; // what is written of it
  use: string; // the type of the stage, next to "with"
}
export interface Offer { label: string; detail: string; apply: string }

const keyed = /^(\s*)(?:- )?("?[\w{}/.-]+"?):/;
const indent = (line: string) => /^\s*/.exec(line)?.[0].length ?? 0;

// placeAt says where in the text the end of its last line is.
export function placeAt(text: string): Place {
  const lines = text.split("\n");
  const last = lines[lines.length - 1] ?? "";
  const { keys, rest } = flow(last);
  const path = block(lines, keys.length > 0 || keyed.test(last) ? indent(last) : last.length - last.trimStart().length || last.length);
  const own = keyed.exec(last);
  if (keys.length > 0) path.push(...keys);
  const pair = /^\s*(?:- )?("?[\w{}/.-]+"?):\s+(\S*)$/.exec(rest);
  const use = uses(lines, last);
  if (pair) return { path, key: unquote(pair[1] ?? ""), word: pair[2] ?? "", use };
  void own;
  return { path, key: null, word: /[^\s{,]*$/.exec(rest)?.[0] ?? "", use };
}

const unquote = (key: string) => key.replace(/^"|"$/g, "");

// flow gives the keys of the braces that are open at the end of a line, and what is
// written in the innermost.
function flow(line: string): { keys: string[]; rest: string } {
  const open: { key: string; at: number }[] = [];
  let from = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === "{" && line[i - 1] !== undefined && /[\s{]/.test(line[i - 1] ?? "")) {
      const key = /("?[\w{}/.-]+"?):\s*$/.exec(line.slice(from, i))?.[1] ?? "";
      open.push({ key: unquote(key), at: from });
      from = i + 1;
    } else if (c === "}" && open.length > 0 && !/\w/.test(line.slice(from, i).match(/\{[\w]*$/)?.[0] ?? "")) {
      from = open.pop()?.at ?? 0;
    } else if (c === "," && open.length > 0) {
      from = i + 1;
    }
  }
  return { keys: open.map((each) => each.key), rest: line.slice(from) };
}

// block gives the keys of the lines above that are less and less indented.
function block(lines: string[], column: number): string[] {
  const path: string[] = [];
  let depth = column;
  for (let i = lines.length - 2; i >= 0 && depth > 0; i--) {
    const line = lines[i] ?? "";
    const key = keyed.exec(line);
    if (!key || line.trimStart().startsWith("#") || indent(line) >= depth) continue;
    path.unshift(unquote(key[2] ?? ""));
    depth = indent(line);
  }
  return path;
}

// uses finds the type of the stage whose settings are written: in the line itself, or in
// a line above that is indented as the nearest "with:".
function uses(lines: string[], last: string): string {
  const here = /\buse:\s*([\w/-]+)/.exec(last);
  if (here) return here[1] ?? "";
  for (let i = lines.length - 1, depth = last.length; i >= 0; i--) {
    const line = lines[i] ?? "";
    if (line.trim() === "" || indent(line) > depth) continue;
    const found = /^\s*(?:- )?use:\s*([\w/-]+)/.exec(line);
    if (found) return found[1] ?? "";
    depth = /^\s*with:/.test(line) ? indent(line) : Math.min(depth, indent(line) + 1);
    if (depth === 0) break;
  }
  return "";
}

function resolve(root: Schema, schema: Schema | undefined): Schema | undefined {
  for (let i = 0; schema?.$ref && i < 16; i++) {
    let at: unknown = root;
    for (const part of schema.$ref.replace(/^#\//, "").split("/")) at = (at as Record<string, unknown>)?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
    schema = at as Schema | undefined;
  }
  return schema;
}

// all are the schemas that hold at once for a value: its own, and those of conditions on
// the stage's type.
function all(root: Schema, schema: Schema | undefined, use: string): Schema[] {
  const own = resolve(root, schema);
  if (!own) return [];
  const parts = [...(own.allOf ?? []), ...(own.anyOf ?? []), ...(own.oneOf ?? [])].flatMap((each) => {
    if (!each.if) return all(root, each, use);
    return each.if.properties?.use?.const === use ? all(root, each.then, use) : [];
  });
  return [own, ...parts];
}

function below(root: Schema, schemas: Schema[], key: string, use: string): Schema[] {
  return schemas.flatMap((s) => {
    const found = s.properties?.[key] ?? (typeof s.additionalProperties === "object" ? s.additionalProperties : undefined) ?? s.items;
    return all(root, found, use);
  });
}

// offers lists what fits at a place.
export function offers(root: Schema, place: Place): Offer[] {
  let here = all(root, root, place.use);
  for (const key of place.path) here = below(root, here, key, place.use);
  const out = new Map<string, Offer>();
  const add = (label: string, detail: string, apply: string) => out.has(label) || out.set(label, { label, detail, apply });
  if (place.key === null) {
    for (const s of here) for (const [name, each] of Object.entries(s.properties ?? {})) {
      const inner = resolve(root, each);
      add(name, inner?.description ?? "", `${name}: `);
    }
    return [...out.values()];
  }
  const { key } = place;
  for (const s of [...below(root, here, key, place.use), ...uncertain(root, here, key)]) {
    for (const value of [...(s.enum ?? []), ...(s.const === undefined ? [] : [s.const]), ...(s.type === "boolean" ? [true, false] : []), ...(s.default === undefined ? [] : [s.default]), ...(s.examples ?? [])]) {
      if (typeof value !== "object") add(String(value), s.description ?? "", String(value));
    }
  }
  return [...out.values()];
}

// uncertain are the values that conditions ask for: the types of stages.
function uncertain(root: Schema, here: Schema[], key: string): Schema[] {
  return here.flatMap((s) => s.allOf ?? []).flatMap((each) => all(root, each.if?.properties?.[key], ""));
}
