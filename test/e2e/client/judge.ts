// Holds every answer against the document that describes it, and remembers which
// operations have been seen to succeed and to fail.

import type { Middleware } from "openapi-fetch";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";

interface Media { schema?: object }
interface Answer { content?: Record<string, Media> }
export interface Document {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, Answer>; security?: object[] }>>;
  components: object;
}

export class Judge {
  readonly wrong: string[] = [];
  readonly succeeded = new Set<string>();
  readonly failed = new Set<string>();
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly known = new Map<string, ValidateFunction>();

  constructor(private readonly document: Document) {
    (formats as unknown as { default: (a: Ajv2020) => void }).default(this.ajv);
  }

  // of is an operation: its answers by status.
  private of(path: string, method: string) {
    return this.document.paths[path]?.[method.toLowerCase()];
  }

  // looking is for a client whose answers are looked at.
  readonly looking: Middleware = {
    onResponse: async ({ request, response, schemaPath }) => {
      await this.look(schemaPath, request.method, response.clone());
      return undefined;
    },
  };

  private async look(path: string, method: string, response: Response) {
    const what = `${method} ${path}: ${response.status}`;
    const operation = this.of(path, method);
    const answer = operation?.responses[String(response.status)];
    if (!operation || !answer) {
      this.wrong.push(`${what} is not in the document: ${await response.text()}`);
      return;
    }
    (response.ok ? this.succeeded : this.failed).add(operation.operationId);
    const kind = (response.headers.get("Content-Type") ?? "").split(";")[0] ?? "";
    const media = answer.content?.[kind];
    if (!media) {
      if (answer.content || (await response.text()) !== "") this.wrong.push(`${what} is of the type ${kind}`);
      return;
    }
    if (!/json$/.test(kind) || !media.schema) return; // streams are for whoever reads them
    const key = `${method} ${path} ${response.status}`;
    let valid = this.known.get(key);
    if (!valid) {
      valid = this.ajv.compile({ ...media.schema, components: this.document.components });
      this.known.set(key, valid);
    }
    const body: unknown = await response.json();
    if (!valid(body)) this.wrong.push(`${what}: ${this.ajv.errorsText(valid.errors)} in ${JSON.stringify(body).slice(0, 400)}`);
  }

  // missing are the operations that have not been seen both to succeed and to fail.
  missing(): string[] {
    const out: string[] = [];
    for (const item of Object.values(this.document.paths)) {
      for (const { operationId } of Object.values(item)) {
        if (!this.succeeded.has(operationId)) out.push(`${operationId} has never succeeded`);
        if (!this.failed.has(operationId)) out.push(`${operationId} has never failed`);
      }
    }
    return out;
  }
}
