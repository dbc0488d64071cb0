// Tokenizers at a text file. usage: node tokenizers.mjs TEXT   (in a folder with node_modules/tokenizers, gpt-tokenizer, tiktoken; THREADS, 2 if not set)
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
const load = createRequire(path.join(process.cwd(), "here.js"));
const [file] = process.argv.slice(2), threads = process.env.THREADS ?? "2";
Object.assign(process.env, { RAYON_NUM_THREADS: threads, TOKENIZERS_PARALLELISM: "true" });
const text = readFileSync(file, "utf8"), megabytes = Buffer.byteLength(text) / 1e6;
const short = x => +x.toPrecision(4);
const time = (name, unit, value, run, note) => {
  const times = [];
  for (let i = -1; i < 5; i++) {
    const start = performance.now();
    run();
    if (i >= 0) times.push((performance.now() - start) / 1e3);
  }
  const values = times.map(value).sort((a, b) => a - b);
  console.log(JSON.stringify({ name, value: short(values[2]), unit, min: short(values[0]), max: short(values[4]), note }));
};
const speed = seconds => megabytes / seconds;
const hf = load("tokenizers");
time("tokenizer.train", "s", s => s, () => {
  const tokenizer = new hf.Tokenizer(hf.BPE.empty());
  tokenizer.setPreTokenizer(hf.byteLevelPreTokenizer(false));
  tokenizer.train([file]); // its trainer's standard is 30,000 tokens; the binding offers no other number
}, `Hugging Face tokenizers, ${threads} threads`);
for (const encoding of ["cl100k_base", "r50k_base"]) {
  const peer = load("gpt-tokenizer/encoding/" + encoding);
  time("tokenizer.encode", "MB/s", speed, () => peer.encode(text), "gpt-tokenizer " + encoding);
}
const tiktoken = load("tiktoken").get_encoding("cl100k_base");
time("tokenizer.encode", "MB/s", speed, () => tiktoken.encode(text, [], []), "tiktoken (WebAssembly) cl100k_base");
