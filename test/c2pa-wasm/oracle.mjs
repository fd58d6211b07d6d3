// What the reference validator, as WebAssembly, says of files. Each line of standard input is
// a JSON object {path, type, settings, times}; each line of standard output says
// {state, success, informational, failure, ingredient_failure, error, cost}, with the processor
// time of one of so many validations in milliseconds. Nothing is fetched.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const pkg = createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/package.json");
const c2pa = await import(new URL("pkg/c2pa.js", "file://" + pkg));
c2pa.initSync({ module: readFileSync(new URL("pkg/c2pa_bg.wasm", "file://" + pkg)) });

const codes = (list) => [...new Set((list ?? []).map((s) => s.code))].sort();

async function look({ path, type, settings, times }) {
  const bytes = readFileSync(path);
  let reader;
  const before = process.cpuUsage();
  try {
    for (let i = 1; i < (times ?? 1); i++) {
      const once = await c2pa.WasmReader.fromBytes(type, bytes, JSON.stringify(settings));
      once.json();
      once.free();
    }
    reader = await c2pa.WasmReader.fromBytes(type, bytes, JSON.stringify(settings));
  } catch (e) {
    return { error: String(e?.message ?? e) };
  }
  try {
    const answer = JSON.parse(reader.json());
    const used = process.cpuUsage(before);
    const active = answer.validation_results?.activeManifest;
    const deltas = (answer.validation_results?.ingredientDeltas ?? []).flatMap((d) => d.validationDeltas?.failure ?? []);
    return {
      state: answer.validation_state,
      success: codes(active?.success),
      informational: codes(active?.informational),
      failure: codes(active?.failure),
      ingredient_failure: codes(deltas),
      cost: (used.user + used.system) / 1000 / (times ?? 1),
      notes: [...(active?.failure ?? []), ...deltas].map((s) => `${s.code} ${s.url}: ${s.explanation}`),
    };
  } finally {
    reader.free();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await look(JSON.parse(line))));
}
