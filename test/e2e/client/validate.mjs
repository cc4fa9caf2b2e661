// Says what a public validator has against an OpenAPI document.
//
//   node validate.mjs openapi.json

import { Validator } from "@seriousme/openapi-schema-validator";

const validator = new Validator();
const { valid, errors } = await validator.validate(process.argv[2]);
console.log(valid ? `valid OpenAPI ${validator.version}` : JSON.stringify(errors, null, 2));
process.exit(valid ? 0 : 1);
