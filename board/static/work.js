// ALTCHA's proof of work: finds the number n for which SHA-256(salt + n) is the challenge.
// Own SHA-256 (FIPS 180-4): the browser's crypto.subtle exists only behind TLS, and is slow for many short inputs.
"use strict";
const K = new Uint32Array(64), H0 = new Uint32Array(8);
(() => {
  let found = 0;
  for (let candidate = 2; found < 64; candidate++) {
    let prime = true;
    for (let factor = 2; factor * factor <= candidate; factor++) if (candidate % factor === 0) { prime = false; break; }
    if (!prime) continue;
    const fraction = (value) => ((value - Math.floor(value)) * 4294967296) | 0;
    if (found < 8) H0[found] = fraction(Math.sqrt(candidate));
    K[found++] = fraction(Math.cbrt(candidate));
  }
})();
const W = new Uint32Array(64);
const rotate = (value, by) => (value >>> by) | (value << (32 - by));
const sha256 = (bytes) => {
  const length = bytes.length, blocks = ((length + 8) >> 6) + 1;
  const padded = new Uint8Array(blocks * 64);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, length * 8);
  const state = Uint32Array.from(H0);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) W[i] = view.getUint32(block * 64 + i * 4);
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      W[i] = W[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)) + W[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }
  return state;
};
onmessage = (event) => {
  const { algorithm, challenge, maxNumber, salt, signature } = event.data;
  const encoder = new TextEncoder();
  const wanted = Uint32Array.from({ length: 8 }, (_, i) => parseInt(challenge.slice(i * 8, i * 8 + 8), 16));
  for (let number = 0; number <= maxNumber; number++) {
    const state = sha256(encoder.encode(salt + number));
    if (state.every((word, i) => word === wanted[i])) {
      postMessage(btoa(JSON.stringify({ algorithm, challenge, number, salt, signature })));
      return;
    }
  }
  postMessage(null);
};
