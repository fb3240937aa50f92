// Runs the tests in a WebAssembly module that `cargo test` has built. A test that
// fails is a trap, which ends this program with an error and a trace.
import { readFile } from 'node:fs/promises';
import { webcrypto } from 'node:crypto';

Error.stackTraceLimit = 30;

let memory;
const env = {
  // Random numbers, for the crate getrandom; 0 is success.
  __getrandom_v03_custom(start, length) {
    webcrypto.getRandomValues(new Uint8Array(memory.buffer, start, length));
    return 0;
  },
};

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), { env });
memory = instance.exports.memory;
process.exitCode = instance.exports.main(0, 0);
