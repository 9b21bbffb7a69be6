// VDS-NC judged by PathCheck's vds-sdk: its own canonical form, certificate reader and signature check.
// usage: node vds_nc.mjs FILE…      a line for each file: right or wrong
import { verify } from "./vds.js";
import { readFileSync } from "node:fs";

console.error = () => {};
for (const file of process.argv.slice(2)) {
  const right = await verify(JSON.parse(readFileSync(file, "utf8")));
  console.log(right ? "right" : "wrong");
}
