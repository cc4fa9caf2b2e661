// What the tests use of Node.
declare module "node:test" {
  export default function test(name: string, run: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  export function equal(got: unknown, want: unknown, why?: string): void;
  export function deepEqual(got: unknown, want: unknown, why?: string): void;
  export function ok(value: unknown, why?: string): void;
}
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}
