// How long the reference validator, as WebAssembly, takes for each file: the median of
// `rounds` validations after a few to warm up. Nothing is fetched.
//
//	npm run bench -- FILE...
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { createRequire } from "node:module";

const pkg = createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/package.json");
const c2pa = await import(new URL("pkg/c2pa.js", "file://" + pkg));
c2pa.initSync({ module: readFileSync(new URL("pkg/c2pa_bg.wasm", "file://" + pkg)) });

const settings = JSON.stringify({ verify: { remote_manifest_fetch: false, ocsp_fetch: false } });
const types = { ".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".wav": "audio/wav" };
const rounds = 30;

for (const path of process.argv.slice(2)) {
  const bytes = readFileSync(path);
  const times = [];
  let state = "none";
  for (let i = 0; i < rounds + 3; i++) {
    const start = performance.now();
    const reader = await c2pa.WasmReader.fromBytes(types[extname(path).toLowerCase()], bytes, settings);
    state = JSON.parse(reader.json()).validation_state;
    times.push(performance.now() - start);
    reader.free();
  }
  const median = times.slice(3).sort((a, b) => a - b)[rounds / 2];
  console.log(`${basename(path)}  ${bytes.length} bytes  ${state}  ${median.toFixed(2)} ms`);
}
