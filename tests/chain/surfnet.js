// A Solana chain of this machine, without any network: `node surfnet.js <surfpool's .node file> '<configuration>'`.
// The configuration is Surfnet's own, with `port`: where RPC is to be found, besides the free port that it takes.
// Prints one line of JSON when the chain answers, and ends with its standard input.
'use strict';
const net = require('node:net');

const [module_file, text] = process.argv.slice(2);
const { port, ...given } = JSON.parse(text || '{}');
const { Surfnet } = require(module_file);
const chain = Surfnet.startWithConfig({ offline: true, blockProductionMode: 'clock', ...given });

// It stops answering once its events, which nobody wants here, have piled up.
setInterval(() => chain.drainEvents(), 50);

const ready = (rpc) => {
  const payer = Buffer.from(chain.payerSecretKey).toString('hex');
  console.log(JSON.stringify({ rpc, ws: chain.wsUrl, payer }));
};
if (port === undefined) {
  ready(chain.rpcUrl);
} else {
  const to = new URL(chain.rpcUrl);
  const forward = net.createServer((from) => {
    const there = net.connect(Number(to.port), to.hostname);
    from.on('error', () => there.destroy()).pipe(there);
    there.on('error', () => from.destroy()).pipe(from);
  });
  forward.listen(port, '127.0.0.1', () => ready(`http://127.0.0.1:${port}`));
}
process.stdin.resume().on('end', () => process.exit(0));
