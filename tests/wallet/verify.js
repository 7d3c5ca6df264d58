// Solana's own verifier of Sign In With Solana on what the page brought: `node verify.js <module> < {input, output}`.
const { verifySignIn } = require(process.argv[2]);
const { input, output } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const given = {
  account: { publicKey: bytes(output.publicKey) },
  signedMessage: bytes(output.message),
  signature: bytes(output.signature),
};
// What is signed but not asked for must not pass, so the judge is shown to have an eye.
const other = { ...input, nonce: `${input.nonce}0` };
const verdict = { holds: verifySignIn(input, given), otherHolds: verifySignIn(other, given) };
process.stdout.write(JSON.stringify(verdict));
