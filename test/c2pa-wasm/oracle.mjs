// What the reference validator, as WebAssembly, says of files. Each line of standard input is
// a JSON object {path, type, settings}; each line of standard output says
// {state, success, informational, failure, ingredient_failure, error}. Nothing is fetched.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const pkg = createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/package.json");
const c2pa = await import(new URL("pkg/c2pa.js", "file://" + pkg));
c2pa.initSync({ module: readFileSync(new URL("pkg/c2pa_bg.wasm", "file://" + pkg)) });

const codes = (list) => [...new Set((list ?? []).map((s) => s.code))].sort();

async function look({ path, type, settings }) {
  let reader;
  try {
    reader = await c2pa.WasmReader.fromBytes(type, readFileSync(path), JSON.stringify(settings));
  } catch (e) {
    return { error: String(e?.message ?? e) };
  }
  try {
    const answer = JSON.parse(reader.json());
    const active = answer.validation_results?.activeManifest;
    const deltas = (answer.validation_results?.ingredientDeltas ?? []).flatMap((d) => d.validationDeltas?.failure ?? []);
    return {
      state: answer.validation_state,
      success: codes(active?.success),
      informational: codes(active?.informational),
      failure: codes(active?.failure),
      ingredient_failure: codes(deltas),
      notes: [...(active?.failure ?? []), ...deltas].map((s) => `${s.code} ${s.url}: ${s.explanation}`),
    };
  } finally {
    reader.free();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await look(JSON.parse(line))));
}
